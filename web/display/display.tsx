import { useEffect } from 'preact/hooks';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { levelOf, shareOf } from '../live/fullness.ts';
import { CapacityBar } from '../parts/capacity-bar.tsx';
import { WholePageNotice } from '../parts/notice.tsx';
import type { DisplayedSpace } from '../api/types.ts';
import { isConnected, shown, runDisplay, state } from './display-source.ts';

/** A screen for visitors: large, calm, and without controls. */
export function Display({ spaceId }: { readonly spaceId: number }) {
  useEffect(() => void runDisplay(spaceId), [spaceId]);
  const now = state.value;
  switch (now.kind) {
    case 'opening':
      return <WholePageNotice text={messages.opening} />;
    case 'starting':
      return <WholePageNotice text={messages.starting} />;
    case 'unreachable':
      return <WholePageNotice text={messages.unreachable} />;
    case 'no-space':
      return <WholePageNotice text={messages.noSpace} />;
    case 'pairing':
      return <Code code={now.code} />;
    case 'showing':
      return <Shown space={now.space} />;
  }
}

function Code({ code }: { readonly code: string }) {
  return (
    <main class="display">
      <h1>{messages.displayCode}</h1>
      <p class="display-code">{code}</p>
      <p class="display-hint">{messages.displayCodeHint}</p>
    </main>
  );
}

function Shown({ space: { name, capacity } }: { readonly space: DisplayedSpace }) {
  const known = shown.value;
  useEffect(() => {
    document.title = name;
  }, [name]);
  const share = known && shareOf(known.count, capacity);
  const isFull = share !== undefined && levelOf(share) === 'full';
  const isOld = !isConnected.value || known?.isStale === true;
  return (
    <main class={`display ${isFull ? 'is-full' : ''} ${isOld ? 'is-old' : ''}`}>
      <h1>{name}</h1>
      <p class="display-count">
        <strong>{known ? formatNumber(known.count) : '–'}</strong>{' '}
        <span>{capacity === null ? messages.inside : messages.ofCapacity(formatNumber(capacity))}</span>
      </p>
      {capacity === null || !known ? null : <CapacityBar count={known.count} capacity={capacity} />}
      <div class="display-advice" role="status">
        {isFull ? (
          <p>
            <strong>{messages.pleaseWait}</strong> <span>{messages.pleaseWaitHint}</span>
          </p>
        ) : null}
      </div>
      <p class="display-state">{ageOf(known)}</p>
    </main>
  );
}

/** Nothing while the number is up to date. */
function ageOf(known: typeof shown.value): string {
  if (!known) return messages.displayEmpty;
  if (!isConnected.value) return messages.displayOffline(formatTime(known.atMs, 'time'));
  return known.isStale ? messages.displayStale : '';
}

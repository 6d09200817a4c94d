// What a public display knows. It has no token: a cookie that scripts cannot read opens the count of its space, once a person has
// confirmed the code that it shows. It resumes by itself, whatever happens to the service or the network.
import { signal } from '@preact/signals';
import { API } from '../api/client.ts';
import { isStarting } from '../api/session.ts';
import type { DisplayedSpace, Pairing } from '../api/types.ts';
import type { LiveCount, LiveEvent } from '../live/live-event.ts';
import { LiveStream } from '../live/live-stream.ts';

/** How often it asks whether the code was confirmed. */
const PAIRING_MS = 2_000;
/** How often it asks for the name and the capacity. */
const SPACE_MS = 30_000;

export type DisplayState =
  | { readonly kind: 'opening' | 'starting' | 'unreachable' | 'no-space' }
  | { readonly kind: 'pairing'; readonly code: string }
  | { readonly kind: 'showing'; readonly space: DisplayedSpace };

interface Shown {
  readonly count: number;
  /** When the service last said that it was up to date. */
  readonly atMs: number;
  readonly isStale: boolean;
}

export const state = signal<DisplayState>({ kind: 'opening' });
export const shown = signal<Shown | undefined>(undefined);
export const isConnected = signal(false);

let stream: LiveStream | undefined;

/** Never ends: a display is closed with its page. */
export async function runDisplay(spaceId: number): Promise<never> {
  for (;;) {
    await refresh(spaceId);
    const waitMs = state.value.kind === 'showing' && isConnected.value ? SPACE_MS : PAIRING_MS;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

async function refresh(spaceId: number): Promise<void> {
  const next = await ask(spaceId).catch((): DisplayState => ({ kind: 'unreachable' }));
  const isCutOff = next.kind === 'unreachable' || next.kind === 'starting';
  // What was shown stays, and the view says that it is old.
  if (isCutOff && state.value.kind === 'showing') return;
  state.value = next;
  if (next.kind === 'showing') {
    stream ??= openStream(spaceId);
    return;
  }
  stream?.stop();
  stream = undefined;
  [shown.value, isConnected.value] = [undefined, false];
}

function openStream(spaceId: number): LiveStream {
  return new LiveStream({
    path: `${API}/display/${spaceId}/stream`,
    headers: () => ({}),
    // A display that was removed learns that here, before its browser would log a refusal.
    mayConnect: async () => {
      await refresh(spaceId);
      return state.value.kind === 'showing';
    },
    onConnected: (is) => (isConnected.value = is),
    onEvent: receive,
  });
}

async function ask(spaceId: number): Promise<DisplayState> {
  const pairing = await pairingOf(spaceId);
  if (pairing === undefined) return { kind: 'unreachable' };
  if (pairing === 'starting') return { kind: 'starting' };
  if (!pairing.paired) return { kind: 'pairing', code: pairing.code ?? '' };
  const answer = await fetch(`${API}/display/${spaceId}`);
  if (answer.status === 404) return { kind: 'no-space' };
  return answer.ok ? { kind: 'showing', space: (await answer.json()) as DisplayedSpace } : { kind: 'unreachable' };
}

async function pairingOf(spaceId: number): Promise<Pairing | 'starting' | undefined> {
  const answer = await fetch(`${API}/display/pairings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ space_id: spaceId }),
  });
  if (answer.ok) return (await answer.json()) as Pairing;
  return (await isStarting(answer)) ? 'starting' : undefined;
}

function receive(event: LiveEvent): void {
  if (event.kind === 'snapshot' || event.kind === 'change') shown.value = shownOf(event.data, Date.now());
}

function shownOf({ count, stale }: LiveCount, nowMs: number): Shown {
  return stale ? { count, atMs: shown.value?.atMs ?? nowMs, isStale: true } : { count, atMs: nowMs, isStale: false };
}

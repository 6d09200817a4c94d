import { useComputed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatAgo, formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { confirmWhileInSight } from '../live/confirmations.ts';
import type { LiveSpace } from '../live/live-spaces.ts';
import { statusOf } from '../live/space-status.ts';
import { nowMs } from '../now.ts';
import { CapacityBar } from '../parts/capacity-bar.tsx';
import { StatusPill } from '../parts/status-pill.tsx';
import { linkToDisplay, OVERVIEW } from '../route.ts';

/** The name, and how many people there are now. */
export function SpaceNow({ known }: { readonly known: LiveSpace }) {
  const { id, name, capacity, time_zone: zone } = known.space.value;
  const status = useComputed(() => statusOf(known));
  useEffect(() => confirmWhileInSight(id), [id]);
  const live = known.live.value;
  const count = live?.count;
  return (
    <header class="space-head">
      <a class="back" href={OVERVIEW}>
        ← {messages.overview}
      </a>
      <div class="space-title">
        <h1>{name}</h1>
        <StatusPill status={status.value} />
        <a class="hint" href={linkToDisplay(id)}>
          {messages.publicDisplay}
        </a>
      </div>
      <div class="space-now">
        <p class="card-count">
          <strong>{count === undefined ? '–' : formatNumber(count)}</strong>{' '}
          <span>{capacity === null ? messages.inside : messages.ofCapacity(formatNumber(capacity))}</span>
        </p>
        {capacity === null ? null : <CapacityBar count={count ?? 0} capacity={capacity} />}
        <p class="hint">
          {live?.last_reading_at
            ? messages.lastReading(formatAgo(live.last_reading_at, nowMs.value))
            : messages.noReading}
          {live?.watermark ? ` · ${messages.watermark(formatTime(live.watermark, 'seconds', zone))}` : ''}
        </p>
      </div>
    </header>
  );
}

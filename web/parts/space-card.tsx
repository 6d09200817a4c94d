import { useComputed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatAgo, formatNumber } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { confirmWhileInSight } from '../live/confirmations.ts';
import type { LiveSpace } from '../live/live-spaces.ts';
import { statusOf } from '../live/space-status.ts';
import { trendOf, wantTrend } from '../live/trends.ts';
import { nowMs } from '../now.ts';
import { linkToSpace } from '../route.ts';
import { CapacityBar } from './capacity-bar.tsx';
import { Sparkline } from './sparkline.tsx';
import { StatusPill } from './status-pill.tsx';

/** Each part reads only the signals that it shows, so that a change draws only that part. */
export function SpaceCard({ space: known }: { readonly space: LiveSpace }) {
  const space = known.space.value;
  useEffect(() => confirmWhileInSight(space.id), [space.id]);
  return (
    <a class="card" href={linkToSpace(space.id)}>
      <div class="card-top">
        <h2 class="card-name" title={space.name}>
          {space.name}
        </h2>
        <CardStatus space={known} />
      </div>
      <div class="card-middle">
        <CardCount space={known} />
        <CardTrend space={known} />
      </div>
      <CardCapacity space={known} />
    </a>
  );
}

function CardCount({ space: { space, live } }: { readonly space: LiveSpace }) {
  const count = live.value?.count;
  const { capacity } = space.value;
  return (
    <p class="card-count">
      <strong>{count === undefined ? '–' : formatNumber(count)}</strong>{' '}
      <span>{capacity === null ? messages.inside : messages.ofCapacity(formatNumber(capacity))}</span>
    </p>
  );
}

function CardStatus({ space }: { readonly space: LiveSpace }) {
  const status = useComputed(() => statusOf(space));
  return <StatusPill status={status.value} />;
}

function CardTrend({ space: { space, live, historyVersion } }: { readonly space: LiveSpace }) {
  const { id } = space.value;
  const version = historyVersion.value;
  const now = nowMs.value;
  useEffect(() => wantTrend(id, version), [id, version, now]);
  const trend = trendOf(id).value;
  const count = live.value?.count;
  return <Sparkline values={trend === undefined || count === undefined ? [] : [...trend.counts, count]} />;
}

function CardCapacity({ space: { space, live } }: { readonly space: LiveSpace }) {
  const { capacity } = space.value;
  if (capacity !== null) return <CapacityBar count={live.value?.count ?? 0} capacity={capacity} />;
  const at = live.value?.last_reading_at;
  return <p class="card-foot">{at ? messages.lastReading(formatAgo(at, nowMs.value)) : messages.noReading}</p>;
}

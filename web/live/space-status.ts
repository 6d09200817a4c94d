// What is known about a live count, in one word.
import { isConnected, type LiveSpace } from './live-spaces.ts';
import { confirmedMs } from './confirmations.ts';

export type SpaceStatus = 'disconnected' | 'stale' | 'no-reading' | 'provisional' | 'final';

/** Read while a component is drawn, this draws it again when the status changes. */
export function statusOf({ space, live }: LiveSpace): SpaceStatus {
  const count = live.value;
  if (!isConnected.value) return 'disconnected';
  if (count?.stale) return 'stale';
  if (count === undefined || (count.last_reading_at === null && count.settled)) return 'no-reading';
  if (count.last_reading_at === null) return 'provisional';
  const watermarkMs = Math.max(Date.parse(count.watermark ?? '') || 0, confirmedMs(space.value.id));
  return Date.parse(count.last_reading_at) <= watermarkMs ? 'final' : 'provisional';
}

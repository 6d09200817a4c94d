// The live stream sends an event when a count changes, not when it becomes final. So the watermarks of quiet spaces that are in sight
// and still provisional are asked for.
import { signal, type Signal } from '@preact/signals';
import { api, bodyOf } from '../api/client.ts';
import { spaces } from './live-spaces.ts';

const STEP_MS = 3_000;
/** A space that changed a moment ago cannot be final yet. */
const QUIET_MS = 4_000;
const AT_ONCE_MAX = 20;

const watermarks = new Map<number, Signal<number>>();
const inSight = new Map<number, number>();

function watermarkOf(id: number): Signal<number> {
  let known = watermarks.get(id);
  if (!known) watermarks.set(id, (known = signal(0)));
  return known;
}

/** The newest watermark that was asked for; 0 if there is none. */
export const confirmedMs = (id: number): number => watermarkOf(id).value;

/** @returns a function that ends it */
export function confirmWhileInSight(id: number): () => void {
  inSight.set(id, (inSight.get(id) ?? 0) + 1);
  return () => {
    const users = (inSight.get(id) ?? 1) - 1;
    if (users > 0) inSight.set(id, users);
    else inSight.delete(id);
  };
}

function isWaiting(id: number): boolean {
  const count = spaces.peek().get(id)?.live.peek();
  if (!count?.last_reading_at || Date.parse(count.timestamp) > Date.now() - QUIET_MS) return false;
  const watermarkMs = Math.max(Date.parse(count.watermark ?? '') || 0, watermarkOf(id).peek());
  return Date.parse(count.last_reading_at) > watermarkMs;
}

async function confirm(id: number): Promise<void> {
  const answer = await bodyOf(api.GET('/counts/{space_id}/current', { params: { path: { space_id: id } } }));
  if (answer.watermark !== null) watermarkOf(id).value = Date.parse(answer.watermark);
}

setInterval(() => {
  if (document.hidden) return;
  // If one cannot be asked for now, it is asked for at the next step.
  for (const id of [...inSight.keys()].filter(isWaiting).slice(0, AT_ONCE_MAX)) confirm(id).catch(() => undefined);
}, STEP_MS);

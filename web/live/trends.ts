// The counts of the last hour, for the spaces that are in sight. They are asked for together, and kept for some minutes.
import { signal, type Signal } from '@preact/signals';
import { api, jsonOf } from '../api/client.ts';
import { HOUR_MS } from '../i18n/zoned-time.ts';
import { isLoaded } from './live-spaces.ts';

interface Trend {
  readonly counts: readonly number[];
  readonly loadedMs: number;
}

const KEPT_MS = 5 * 60_000;
/** The maximum of one request. */
const SPACES_MAX = 100;
const COLLECT_MS = 100;

const trends = new Map<number, Signal<Trend | undefined>>();
const wanted = new Set<number>();
let isScheduled = false;

export function trendOf(id: number): Signal<Trend | undefined> {
  let known = trends.get(id);
  if (!known) trends.set(id, (known = signal(undefined)));
  return known;
}

/** @param isInvalid true if the history has changed, so that a kept trend is out of date */
export function wantTrend(id: number, isInvalid: boolean): void {
  const known = trendOf(id).peek();
  if (!isInvalid && known && known.loadedMs > Date.now() - KEPT_MS) return;
  wanted.add(id);
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(() => void load(), COLLECT_MS);
}

async function load(): Promise<void> {
  isScheduled = false;
  const ids = [...wanted].slice(0, SPACES_MAX);
  for (const id of ids) wanted.delete(id);
  if (ids.length === 0 || !isLoaded.peek()) return;
  const loadedMs = Date.now();
  const query = {
    space_id: ids.join(','),
    start: new Date(loadedMs - HOUR_MS).toISOString(),
    end: new Date(loadedMs).toISOString(),
    interval: '5m',
  };
  // A trend is an extra: without it the card has no curve.
  const intervals = await jsonOf(api.GET('/counts/intervals', { params: { query } })).catch(() => []);
  const counts = new Map<number, number[]>(ids.map((id) => [id, []]));
  for (const { space_id: id, count } of intervals) counts.get(id)?.push(count);
  for (const [id, each] of counts) if (each.length > 0) trendOf(id).value = { counts: each, loadedMs };
  if (wanted.size > 0) await load();
}

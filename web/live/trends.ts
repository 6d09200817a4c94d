// The counts of the last hour, for the spaces that are in sight. They are asked for together, and kept for some minutes.
import { signal, type Signal } from '@preact/signals';
import { api, jsonOf } from '../api/client.ts';
import { HOUR_MS } from '../i18n/zoned-time.ts';
import { isLoaded } from './live-spaces.ts';

interface Trend {
  readonly counts: readonly number[];
  readonly loadedMs: number;
  /** That of the space's history when it was asked for. */
  readonly version: number;
}

const KEPT_MS = 5 * 60_000;
/** The maximum of one request. */
const SPACES_MAX = 100;
const COLLECT_MS = 100;

const trends = new Map<number, Signal<Trend | undefined>>();
/** The versions of the histories that are asked for. */
const wanted = new Map<number, number>();
let isScheduled = false;

export function trendOf(id: number): Signal<Trend | undefined> {
  let known = trends.get(id);
  if (!known) trends.set(id, (known = signal(undefined)));
  return known;
}

/** @param version of the space's history: a trend of another one is out of date */
export function wantTrend(id: number, version: number): void {
  const known = trendOf(id).peek();
  if (known?.version === version && known.loadedMs > Date.now() - KEPT_MS) return;
  wanted.set(id, version);
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(() => void load(), COLLECT_MS);
}

async function load(): Promise<void> {
  isScheduled = false;
  const asked = new Map([...wanted].slice(0, SPACES_MAX));
  const ids = [...asked.keys()];
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
  for (const [id, each] of counts)
    if (each.length > 0) trendOf(id).value = { counts: each, loadedMs, version: asked.get(id) ?? 0 };
  if (wanted.size > 0) await load();
}

// Replayed dead letters, read from READINGS by other code than the service's: each is an item that could not be used,
// as the one record of its letter says.
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { RecordedReplay } from '../../src/ports/dead-letters.ts';
import type { MemoryStreams } from './engines/memory-streams.ts';
import { sentIn } from './sent.ts';

/** How replays spell their subject in the simulation, and no device does. */
export const REPLAYED = 'READING';

type Fields = Record<string, string | number | undefined>;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** D2. Where logs have gone back, sequences do not say which message a letter is of. */
export function judgeReplays({ readings, replays, losses }: MemoryStreams): string[] {
  if (losses > 0) return [];
  const entries = new Map(readings.everything.map((entry) => [entry.seq, entry]));
  const allowed = new Set<string>();
  for (const [key, replay] of replays) {
    const entry = entries.get(Number(key.split('.')[1]));
    if (entry) for (const one of replayable(entry, replay)) allowed.add(one);
  }
  return [...entries.values()]
    .filter(({ subject }) => subject.endsWith(`.${REPLAYED}`))
    .flatMap(({ subject, data }) => itemsIn(data).map((item) => inWords(subject.split('.')[2] ?? '', item)))
    .filter((one) => !allowed.has(one))
    .map((one) => `replayed, though no record of a letter says so: ${one}`);
}

function replayable(entry: StoredEntry, { shiftMs, dpuId }: RecordedReplay): string[] {
  const shifted = (instant: string | number | undefined): object =>
    instant === undefined ? {} : { start: iso(Date.parse(String(instant)) + shiftMs) };
  return itemsIn(entry.data)
    .filter((item) => sentIn([{ ...entry, data: encoder.encode(JSON.stringify([item])) }]).readings.length === 0)
    .map(({ timestamp, start, ...item }) => {
      delete item['dpu_id'];
      const when =
        timestamp === undefined
          ? { timestamp: iso(entry.timeMs), id: item['id'] ?? 'replay_' }
          : { timestamp: iso(Date.parse(String(timestamp)) + shiftMs) };
      return inWords(dpuId ?? entry.subject.split('.')[2] ?? '', { ...item, ...when, ...shifted(start) });
    });
}

function itemsIn(data: Uint8Array): Fields[] {
  try {
    const body = JSON.parse(decoder.decode(data)) as unknown;
    return [body].flat().filter((item): item is Fields => typeof item === 'object' && item !== null);
  } catch {
    return [];
  }
}

function iso(ms: number): string {
  return Number.isNaN(ms) ? 'never' : new Date(ms).toISOString();
}

function inWords(dpuId: string, item: Fields): string {
  const fields = Object.entries(item).map(([name, value]) => [
    name,
    name === 'id' && String(value).startsWith('replay_') ? 'replay_' : value,
  ]);
  return `${dpuId} ${JSON.stringify(fields.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))}`;
}

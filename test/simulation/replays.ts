// Replayed dead letters, read from READINGS by other code than the service's: each is an item that could not be used,
// as the one record of its letter says.
import { addTo } from '../../src/domain/lists.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { RecordedReplay } from '../../src/ports/dead-letters.ts';
import type { MemoryStreams } from './engines/memory-streams.ts';
import { replayedPayload, type LetterRecord } from './replayed-payloads.ts';
import { isPayloadOf, sentIn, type Crossing } from './sent.ts';

/** How replays spell their subject in the simulation, and no device does. */
export const REPLAYED = 'READING';

type Fields = Record<string, string | number | undefined>;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** D2. Where logs have gone back, sequences do not say which message a letter is of. */
export function judgeReplays({ readings, replays, losses, topology }: MemoryStreams): string[] {
  if (losses > 0) return [];
  const objections: string[] = [];
  const allowed = new Map<string, number>();
  const allow = (item: string): unknown => allowed.set(item, (allowed.get(item) ?? 0) + 1);
  const records = recordsBySeq(replays);
  for (const entry of readings.everything) {
    const found = records.get(entry.seq) ?? [];
    if (found.length > 0 && isPayloadOf(entry.subject)) {
      const replay = replayedPayload(entry, found, topology);
      objections.push(...replay.objections);
      for (const [crossing, record] of replay.crossings) allow(replayed(entry, fieldsOf(crossing), record));
    } else for (const record of found) for (const item of itemsOf(entry)) allow(replayed(entry, item, record));
  }
  for (const [item, times] of appended(readings.everything)) {
    const expected = allowed.get(item) ?? 0;
    if (times > expected)
      objections.push(`replayed ${times} times, though records of letters say ${expected} times: ${item}`);
  }
  return objections;
}

/** Without the records of payloads: what is replayed by letters has to be right whatever these say. */
function recordsBySeq(replays: MemoryStreams['replays']): Map<number, LetterRecord[]> {
  const found = new Map<number, LetterRecord[]>();
  for (const [key, replay] of replays) {
    const [reason = '', seq] = key.split('.');
    if (reason !== 'payload') addTo(found, Number(seq), { ...replay, reason });
  }
  return found;
}

/** How often each reading was replayed under different ids. */
function appended(entries: readonly StoredEntry[]): [item: string, times: number][] {
  const found = new Map<string, Set<string>>();
  for (const { subject, data } of entries) {
    if (!subject.endsWith(`.${REPLAYED}`)) continue;
    for (const item of itemsIn(data)) {
      const key = inWords(subject.split('.')[2] ?? '', item);
      found.set(key, (found.get(key) ?? new Set()).add(String(item['id'])));
    }
  }
  return [...found].map(([item, ids]) => [item, ids.size]);
}

/** What was rejected. */
function itemsOf(entry: StoredEntry): Fields[] {
  return itemsIn(entry.data)
    .filter((item) => sentIn([{ ...entry, data: encoder.encode(JSON.stringify([item])) }]).readings.length === 0)
    .map((item) => ({ ...item, dpu_id: undefined }));
}

function fieldsOf({ item, id }: Crossing): Fields {
  return { ...item, ...(id.includes('/') ? { dpu_id: id } : {}) };
}

/** How an item of a message was replayed. */
function replayed(entry: StoredEntry, fields: Fields, { shiftMs, dpuId }: RecordedReplay): string {
  const { timestamp, start, dpu_id: line, ...item } = fields;
  const when =
    timestamp === undefined
      ? { timestamp: iso(entry.timeMs), id: item['id'] ?? 'replay_' }
      : { timestamp: iso(Date.parse(String(timestamp)) + shiftMs) };
  const shifted = start === undefined ? {} : { start: iso(Date.parse(String(start)) + shiftMs) };
  const whose = line === undefined || dpuId !== null ? {} : { dpu_id: line };
  return inWords(dpuId ?? entry.subject.split('.')[2] ?? '', { ...item, ...when, ...shifted, ...whose });
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

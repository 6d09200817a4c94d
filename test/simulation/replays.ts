// Replayed dead letters, read from READINGS by other code than the service's: each is an item that could not be used,
// as the one record of its letter says.
import { createHash } from 'node:crypto';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { TopologyEntry } from '../../src/domain/topology.ts';
import type { RecordedReplay } from '../../src/ports/dead-letters.ts';
import type { MemoryStreams } from './engines/memory-streams.ts';
import { crossingsOf, deviceAt, devicesOf, isAccepted, isPayloadOf, sentIn, type Crossing } from './sent.ts';

/** How replays spell their subject in the simulation, and no device does. */
export const REPLAYED = 'READING';

type Fields = Record<string, string | number | undefined>;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** D2. Where logs have gone back, sequences do not say which message a letter is of. */
export function judgeReplays({ readings, replays, losses, topology }: MemoryStreams): string[] {
  if (losses > 0) return [];
  const entries = new Map(readings.everything.map((entry) => [entry.seq, entry]));
  const allowed = new Set<string>();
  for (const [key, replay] of replays) {
    const [reason = '', seq, index] = key.split('.');
    const entry = entries.get(Number(seq));
    if (!entry) continue;
    const items = isPayloadOf(entry.subject)
      ? itemsOfPayload(entry, { reason, index: Number(index), ...replay }, topology)
      : itemsOf(entry);
    for (const item of items) allowed.add(replayed(entry, item, replay));
  }
  return [...entries.values()]
    .filter(({ subject }) => subject.endsWith(`.${REPLAYED}`))
    .flatMap(({ subject, data }) => itemsIn(data).map((item) => inWords(subject.split('.')[2] ?? '', item)))
    .filter((one) => !allowed.has(one))
    .map((one) => `replayed, though no record of a letter says so: ${one}`);
}

/** What was rejected. */
function itemsOf(entry: StoredEntry): Fields[] {
  return itemsIn(entry.data)
    .filter((item) => sentIn([{ ...entry, data: encoder.encode(JSON.stringify([item])) }]).readings.length === 0)
    .map((item) => ({ ...item, dpu_id: undefined }));
}

type PayloadReplay = RecordedReplay & { readonly reason: string; readonly index: number };

/** What was rejected, and what can be read now and could not be then. */
function itemsOfPayload(
  entry: StoredEntry,
  { reason, index, readAs }: PayloadReplay,
  topology: readonly TopologyEntry[],
): Fields[] {
  const device = entry.subject.split('.')[2] ?? '';
  const then = crossingsOf(entry, deviceAt(topology, device, entry.timeMs)).filter(({ item }) => item);
  if (reason !== 'bad_payload') return then.filter((crossing) => !isAccepted(crossing, entry)).map(fieldsOf);
  const options = [undefined, ...devicesOf(topology, device).map((one) => one.device)].filter(
    (one) => digestOf(one?.adapter === entry.subject.split('.')[3] ? one?.options : null) === readAs,
  );
  return options.flatMap((option) => {
    const added = crossingsOf(entry, option)
      .filter(({ item }) => item)
      .map((crossing) => JSON.stringify(crossing));
    for (const crossing of index === 0 ? [] : then) {
      const at = added.indexOf(JSON.stringify(crossing));
      // Something that has counted would be read differently.
      if (at < 0) return [];
      added.splice(at, 1);
    }
    return added.map((crossing) => fieldsOf(JSON.parse(crossing) as Crossing));
  });
}

function fieldsOf({ item, id }: Crossing): Fields {
  return { ...item, ...(id.includes('/') ? { dpu_id: id } : {}) };
}

function digestOf(options: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(options ?? null))
    .digest('base64url');
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

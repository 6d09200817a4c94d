// What the replayed letters of a payload stand for, derived without the service's code: its records identify readings,
// and the facts of the topology say which readings the payload can have.
import { createHash } from 'node:crypto';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { TopologyEntry } from '../../src/domain/topology.ts';
import type { RecordedReplay } from '../../src/ports/dead-letters.ts';
import { crossingsOf, deviceAt, devicesOf, rejectionOf, type Crossing } from './sent.ts';

/** The record of a replay, with the letter that it is of. */
export type LetterRecord = RecordedReplay & { readonly reason: string };

export interface ReplayedPayload {
  readonly crossings: readonly (readonly [Crossing, RecordedReplay])[];
  readonly objections: readonly string[];
}

export function replayedPayload(
  entry: StoredEntry,
  records: readonly LetterRecord[],
  topology: readonly TopologyEntry[],
): ReplayedPayload {
  const device = entry.subject.split('.')[2] ?? '';
  const then = readable(crossingsOf(entry, deviceAt(topology, device, entry.timeMs)));
  const accepted = then.filter((crossing) => rejectionOf(crossing, entry) === undefined);
  const possible = [undefined, ...devicesOf(topology, device).map((one) => one.device)].map((one) =>
    readable(crossingsOf(entry, one)),
  );
  const matches = records.map((record) => {
    const own = possible.flatMap((now) => {
      const added = without(now, then);
      if (!added) return [];
      return [
        record.reason === 'bad_payload'
          ? added
          : then.filter((crossing) => rejectionOf(crossing, entry) === record.reason),
      ];
    });
    const shared = possible.flatMap((now) => (without(now, then) ? [] : [without(now, accepted) ?? []]));
    const asRecorded = (some: readonly Crossing[]): boolean => digestOf(some) === record.readAs;
    return { record, own: own.find(asRecorded), shared: shared.find(asRecorded) };
  });
  // The letters of a payload are all replayed in the same way. What one stands for by itself may happen to be what they
  // share.
  const isShared = matches.some(({ own, shared }) => !own && shared);
  const objections = matches
    .filter(({ own, shared }) => !(isShared ? shared : own))
    .map(({ record }) => `no options read what the record of ${inWords(record, entry)} says`);
  // Letters that stand for the same crossings are replayed once.
  const replayed = isShared ? matches.slice(0, 1) : matches;
  const crossings = replayed.flatMap(({ record, own = [], shared = [] }) =>
    (isShared ? shared : own).map((crossing) => [crossing, record] as const),
  );
  const counted = [...accepted, ...crossings.map(([crossing]) => crossing)];
  if (!possible.some((now) => without(now, counted)))
    objections.push(`parts of different readings count of the payload ${entry.seq} at ${entry.timeMs}`);
  return { crossings, objections };
}

function inWords({ reason }: LetterRecord, { seq, timeMs }: StoredEntry): string {
  return `letter ${reason}.${seq} of ${timeMs}`;
}

function readable(crossings: readonly Crossing[]): readonly Crossing[] {
  return crossings.filter(({ item }) => item);
}

/** As multisets; undefined unless the crossings contain all of the others. */
function without(crossings: readonly Crossing[], others: readonly Crossing[]): readonly Crossing[] | undefined {
  const rest = crossings.map((crossing) => JSON.stringify(crossing));
  for (const other of others) {
    const at = rest.indexOf(JSON.stringify(other));
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  return rest.map((text) => JSON.parse(text) as Crossing);
}

/** Of the readings in the form in which a device could send them. */
function digestOf(crossings: readonly Crossing[]): string {
  const sent = crossings.map(({ item, id }) => ({ dpu_id: id, ...item }));
  return createHash('sha256').update(JSON.stringify(sent)).digest('base64url');
}

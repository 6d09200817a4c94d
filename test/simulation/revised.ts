// T27: asks what has changed since an earlier answer, and compares it with both answers and, commit by commit, with the log: which
// readings arrived since, which of them were late, and what each entry of TOPOLOGY moved.
import type { Revised, Revision } from '../../src/counts/revisions.ts';
import { scheduleIn } from '../../src/counts/schedule-of.ts';
import { formatAsOf, parseAsOf, type AsOf } from '../../src/domain/as-of.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { CommitHeader } from '../../src/domain/commit.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import { isRevision, isStanding, passedIn } from '../../src/domain/measure.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { attribute, readingOf } from '../../src/domain/space-event.ts';
import type { TopologyHistory } from '../../src/domain/topology-history.ts';
import { SpaceOracle } from '../support/oracle.ts';
import type { SimProcess } from './process.ts';

const HOUR = 3_600_000;
const OF_READINGS: readonly string[] = ['late_readings', 'new_readings', 'repair', 'unknown', 'others'];
const OF_RESETS: readonly string[] = ['reset', 'space'];

interface Log {
  /** Every commit there ever was, in order. */
  readonly commits: readonly StoredEntry[];
  /** The events of a space up to a sequence. */
  readonly eventsUpTo: (seq: number) => readonly LoggedEvent[];
  readonly partitions: number;
}

type Sums = [entrances: number, exits: number, net: number];
const NOTHING: Sums = [0, 0, 0];
const isSomething = (sums: Sums): boolean => sums.some((number) => number !== 0);
const plus = (a: Sums, b: Sums): Sums => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const sumsOf = ({ entrances, exits, net }: Pick<Revision, 'entrances' | 'exits' | 'net'>): Sums => [
  entrances,
  exits,
  net,
];
const total = (revisions: readonly Revision[]): Sums => revisions.map(sumsOf).reduce(plus, NOTHING);

export async function objectionsToRevisions(process: SimProcess, since: AsOf, log: Log): Promise<string[]> {
  const { spaceId, atMs } = since;
  const place = parseAsOf(formatAsOf(since));
  if (!place) return [`${formatAsOf(since)} cannot be read`];
  const [fromMs, toMs] = [Math.max(0, atMs - 2 * HOUR), atMs + HOUR];
  const found = await process.asKnown.revised(spaceId, fromMs, toMs, { asOf: [place] });
  const pairs = expected(found, log, process.topology.history);
  return pairs.flatMap(([what, is, shouldBe]) =>
    JSON.stringify(is) === JSON.stringify(shouldBe)
      ? []
      : [
          `space ${spaceId} from ${fromMs} to ${toMs} since ${since.seq}: ${what} is ${JSON.stringify(is)}, should be ${JSON.stringify(shouldBe)}; revisions: ${JSON.stringify(found.revisions)}`,
        ],
  );
}

function expected(
  found: Revised,
  log: Log,
  topology: TopologyHistory,
): [what: string, is: unknown, shouldBe: unknown][] {
  const { before, after, since, asOf, fromMs, toMs, revisions } = found;
  const { spaceId } = since;
  const lastMs = toMs - 1;
  const [then, now] = [
    scheduleIn(topology.at(since.topologySeq), spaceId),
    scheduleIn(topology.at(asOf.topologySeq), spaceId),
  ];
  const [known, all] = [log.eventsUpTo(since.seq), log.eventsUpTo(asOf.seq)];
  const answer = (oracle: SpaceOracle): unknown => {
    const { entrances, exits } = oracle.interval(fromMs, toMs);
    return { entrances, exits, ...oracle.at(lastMs) };
  };
  const given = ({ entrances, exits, count, net, drift }: Revised['before']): unknown => ({
    entrances,
    exits,
    count,
    net,
    drift,
  });
  const oracle = new SpaceOracle(all, now);
  const byCommits = changesIn(found, log, topology, oracle.resetAt(lastMs).timestampMs);
  const kinds = (some: readonly string[]): Revision[] => revisions.filter(({ kind }) => some.includes(kind));
  const ofTopology = revisions.filter(({ kind }) => ![...OF_READINGS, ...OF_RESETS].includes(kind));
  const netUnder = (schedule: typeof now): number => new SpaceOracle(known, schedule).at(lastMs).net;
  const late = kinds(['late_readings']).map((one) => [`${one.doorwayId} ${one.dpuId}`, sumsOf(one)] as const);
  const isCertain = !byCommits.isUncertain && ofTopology.every(({ entries }) => entries.length === 1);
  return [
    ['before', given(before), answer(new SpaceOracle(known, then))],
    ['after', given(after), answer(oracle)],
    ['before with all revisions', plus(sumsOf({ ...before }), total(revisions)), sumsOf({ ...after })],
    ['what resets changed', total(kinds(OF_RESETS)), [0, 0, netUnder(now) - netUnder(then)]],
    ['of late readings', [...late].sort(), [...byCommits.late].sort()],
    ['of new readings', total(kinds(['new_readings'])), byCommits.fresh],
    ['of the topology', total(ofTopology), byCommits.moved],
    ['neither', total(kinds(['repair', 'unknown', 'others'])), NOTHING],
    ...(isCertain
      ? [
          ['by entry', ofTopology.map((one) => [one.entries[0]?.seq, sumsOf(one)]), byCommits.byEntry] as [
            string,
            unknown,
            unknown,
          ],
        ]
      : []),
  ];
}

interface Changes {
  readonly late: ReadonlyMap<string, Sums>;
  readonly fresh: Sums;
  readonly moved: Sums;
  /** Ascending, without those that change nothing. */
  readonly byEntry: readonly (readonly [seq: number, sums: Sums])[];
  /** True if what an entry moved depends on other readings. */
  readonly isUncertain: boolean;
}

function changesIn(
  { since, asOf, fromMs, toMs }: Revised,
  log: Log,
  topology: TopologyHistory,
  resetMs: number,
): Changes {
  const { spaceId, watermarkMs } = since;
  const partition = partitionOfSpace(spaceId, log.partitions);
  const sums = ({ timestampMs: at, entrances, exits, sign }: LoggedEvent): Sums => [
    at >= fromMs ? sign * entrances : 0,
    at >= fromMs ? sign * exits : 0,
    at > resetMs ? sign * (entrances - exits) : 0,
  ];
  const [late, byEntry] = [new Map<string, Sums>(), new Map<number, Sums>()];
  const followed = new Map<number, number>();
  let [fresh, moved, isUncertain] = [NOTHING, NOTHING, false];
  const note = <Key>(map: Map<Key, Sums>, key: Key, more: Sums): void => {
    map.set(key, plus(map.get(key) ?? NOTHING, more));
  };
  for (const stored of log.commits) {
    const commit = decodeCommit(stored);
    const { header } = commit;
    const range = rangeOf(header, followed);
    if (stored.seq <= since.seq || stored.seq > asOf.seq) continue;
    const events = (commit.section(partition)?.events ?? []).filter(
      (event) =>
        event.spaceId === spaceId && event.timestampMs < toMs && event.timestampMs > Math.min(fromMs - 1, resetMs),
    );
    if (header.isMove) {
      const seen = new Set<string>();
      for (const event of events) {
        moved = plus(moved, sums(event));
        if (isStanding(event.measure) || isRevision(event.measure)) isUncertain = true;
        if (seen.has(event.readingId)) continue;
        seen.add(event.readingId);
        const steps: [seq: number, sums: Sums][] = [];
        for (let seq = range.afterSeq + 1; seq <= range.toSeq; seq++) {
          let byThis = NOTHING;
          for (const [at, sign] of [
            [seq - 1, -1],
            [seq, 1],
          ] as const)
            for (const one of attribute(topology.at(at), readingOf(event), passedIn(event.measure), 1))
              if (one.spaceId === spaceId) byThis = plus(byThis, sums({ ...event, ...one, sign }));
          steps.push([seq, byThis]);
        }
        // Of entries that undo each other the answer lists nothing.
        if (isSomething(steps.map(([, sums]) => sums).reduce(plus, NOTHING)))
          for (const [seq, byThis] of steps) note(byEntry, seq, byThis);
      }
    } else
      for (const event of events)
        if (event.timestampMs > watermarkMs) fresh = plus(fresh, sums(event));
        else note(late, `${event.doorwayId} ${event.dpuId}`, sums(event));
  }
  return {
    late: new Map([...late].filter(([, some]) => isSomething(some))),
    fresh,
    moved,
    byEntry: [...byEntry].filter(([, some]) => isSomething(some)).sort(([a], [b]) => a - b),
    isUncertain,
  };
}

/** @param followed what each router has followed so far */
function rangeOf(
  { router, topologySeq, reattribution }: CommitHeader,
  followed: Map<number, number>,
): { readonly afterSeq: number; readonly toSeq: number } {
  const afterSeq = followed.get(router) ?? 0;
  followed.set(router, topologySeq);
  return { afterSeq, toSeq: reattribution?.toSeq ?? topologySeq };
}

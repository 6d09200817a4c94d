// What has changed in a span of a space since an earlier moment, by how much, and because of what. `before` is the answer of that
// moment, `after` the one of now, and the revisions add up exactly to the difference (T27):
//
//   before + revisions = after, for entrances, exits and net        count = net + drift
//
// Entrances and exits are sums over the events of the span, so each event that was asserted or retracted since belongs to one cause.
// So does net, as long as it counts from the same reset. What changed resets is therefore evaluated on what was known before, and
// events are counted from the reset that is in force now. The drift depends on the order of all events, so it belongs to no revision.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { ARRIVED, followedBy, REPAIRED, SOME_CHANGE, UNKNOWN_CAUSE } from '../domain/commit-causes.ts';
import type { AsOf } from '../domain/as-of.ts';
import type { DoorwayId, DpuId, SpaceId } from '../domain/ids.ts';
import { isSameReset, resetInForce, type ResetPoint } from '../domain/reset-schedule.ts';
import type { TopologyEntry } from '../domain/topology.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { ChangedTotal, History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { changedTotals, sumOf, type People } from './changed-totals.ts';
import { CHANGE_KINDS, TopologyChanges, type ChangeKind } from './changes-behind.ts';
import type { Counts } from './counts.ts';
import { countAt, intervalsOf, type CountAnswer, type IntervalAnswer } from './count-at.ts';
import { asOfAnswer, historyUpTo, placeOf, reportAsOf, type KnownHistory } from './known-space.ts';
import { runsBetween } from './runs.ts';
import { scheduleIn, scheduleOf } from './schedule-of.ts';

/** Groups of events that are told apart, and revisions that are listed; the rest is summed up. */
const [GROUPS_MAX, LISTED_MAX] = [2_000, 200];
/** Of more changes of resets than these, the oldest are summed up. */
const RESETS_MAX = 100;

export const REVISION_KINDS = [
  'late_readings',
  'new_readings',
  ...CHANGE_KINDS,
  'repair',
  'unknown',
  'others',
] as const;
export type RevisionKind = (typeof REVISION_KINDS)[number];

export interface Revision extends People {
  readonly kind: RevisionKind;
  /** The entries of TOPOLOGY behind it; empty if there are none, or if they are not known. */
  readonly entries: readonly TopologyEntry[];
  /** Null if it is about several, or none. */
  readonly doorwayId: DoorwayId | null;
  readonly dpuId: DpuId | null;
}

/** What an answer said about the span. */
interface SpanCount {
  readonly entrances: number;
  readonly exits: number;
  /** At the last millisecond of the span. */
  readonly count: number;
  readonly net: number;
  readonly drift: number;
  readonly isFinal: boolean;
}

export interface Revised {
  readonly spaceId: SpaceId;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly since: AsOf;
  readonly asOf: AsOf;
  readonly before: SpanCount;
  readonly after: SpanCount;
  readonly revisions: readonly Revision[];
  readonly watermarkMs: number;
  readonly isStale: boolean;
}

export type HistoryOfRevisions = KnownHistory & Pick<History, 'changesSince'>;

/** What was known of a space at an earlier moment. */
interface Earlier {
  readonly asOf: AsOf;
  readonly counts: Counts;
}

interface RevisionsDeps {
  readonly topology: TopologyHistory;
  readonly reports: SpaceReports;
  readonly history: HistoryOfRevisions;
}

export class Revisions {
  readonly #deps: RevisionsDeps;
  readonly #listedMax: number;

  constructor(deps: RevisionsDeps, listedMax = LISTED_MAX) {
    this.#deps = deps;
    this.#listedMax = listedMax;
  }

  /** @param toMs exclusive */
  async between(known: Earlier, fromMs: number, toMs: number): Promise<Revised> {
    const { topology, reports, history } = this.#deps;
    const { spaceId } = known.asOf;
    const [schedule, place] = [scheduleOf(topology, spaceId), placeOf(topology)];
    const lastMs = toMs - 1;
    const report = await reports.report(spaceId, lastMs);
    // Refused if this is from a process that has yet to read the log up to the earlier moment.
    const then = reportAsOf(report, known.asOf);
    const reset = resetInForce(schedule, lastMs);
    const [was, is, totals, byResets] = await Promise.all([
      Promise.all([known.counts.intervals(spaceId, [fromMs, toMs]), known.counts.at(spaceId, lastMs)]),
      Promise.all([intervalsOf(report, schedule, [fromMs, toMs], history), countAt(report, schedule, lastMs, history)]),
      changedTotals(
        report,
        {
          since: known.asOf,
          watermarkMs: known.asOf.watermarkMs,
          ...{ fromMs, toMs, netAfterMs: reset.timestampMs },
          limit: GROUPS_MAX,
        },
        history,
      ),
      this.#byResets(known, then, place.seq, lastMs),
    ]);
    return {
      ...{ spaceId, fromMs, toMs },
      since: known.asOf,
      asOf: asOfAnswer(report, place, lastMs),
      before: spanCount(was[0].intervals, was[1]),
      after: spanCount(...is),
      revisions: listed([...byResets, ...this.#byEvents(totals)], this.#listedMax),
      watermarkMs: report.watermarkMs,
      isStale: report.isStale,
    };
  }

  /** How each change of a reset would have changed what was known before. */
  async #byResets(known: Earlier, then: KnownReport, toSeq: number, lastMs: number): Promise<Revision[]> {
    const { topology, history } = this.#deps;
    const { spaceId, topologySeq } = known.asOf;
    const resetAt = (seq: number): ResetPoint => resetInForce(scheduleIn(topology.at(seq), spaceId), lastMs);
    const entries = new TopologyChanges(topology).ofResets(spaceId, { afterSeq: topologySeq, toSeq });
    const single = entries.slice(-RESETS_MAX);
    const earlier = entries.at(-RESETS_MAX - 1);
    const steps: { readonly entries: readonly TopologyEntry[]; readonly reset: ResetPoint }[] = [
      ...(earlier ? [{ entries: [], reset: resetAt(earlier.seq) }] : []),
      ...single.map((entry) => ({ entries: [entry], reset: resetAt(entry.seq) })),
    ];
    const first = resetAt(topologySeq);
    if (steps.every(({ reset }) => isSameReset(reset, first))) return [];
    const nets = await netsSince(
      then,
      [first, ...steps.map(({ reset }) => reset)],
      lastMs,
      historyUpTo(history, known.asOf),
    );
    return steps.flatMap(({ entries: behind, reset }, n): Revision[] => {
      if (isSameReset(reset, steps[n - 1]?.reset ?? first)) return [];
      const [entry] = behind;
      return [
        {
          kind: entry ? kindOfReset(entry, spaceId, topology) : 'changes',
          entries: behind,
          ...{ doorwayId: null, dpuId: null, entrances: 0, exits: 0, asserted: 0, retracted: 0 },
          net: (nets[n + 1] ?? 0) - (nets[n] ?? 0),
          ...{ firstMs: reset.timestampMs, lastMs: reset.timestampMs },
        },
      ];
    });
  }

  #byEvents(totals: readonly ChangedTotal[]): Revision[] {
    const changes = new TopologyChanges(this.#deps.topology);
    const revisions = new Map<string, Revision>();
    for (const total of totals) {
      const revision = revisionOf(total, changes);
      const { kind, entries, doorwayId, dpuId } = revision;
      const isLate = kind === 'late_readings';
      const key = isLate ? `${kind} ${doorwayId} ${dpuId}` : `${kind} ${entries.map(({ seq }) => seq).join()}`;
      const other = revisions.get(key);
      revisions.set(key, other ? merged(other, revision) : revision);
    }
    return [...revisions.values()].filter(({ entrances, exits, net }) => entrances !== 0 || exits !== 0 || net !== 0);
  }
}

function revisionOf({ cause, isLate, doorwayId, dpuId, ...people }: ChangedTotal, changes: TopologyChanges): Revision {
  const followed = followedBy(cause);
  const behind =
    followed && dpuId !== null
      ? changes.behind(followed, { ...people, dpuId })
      : { kind: kindOf(cause, isLate), entries: [] };
  return { ...people, ...behind, doorwayId, dpuId };
}

function kindOf(cause: string, isLate: boolean): RevisionKind {
  if (cause === ARRIVED) return isLate ? 'late_readings' : 'new_readings';
  if (cause === REPAIRED || cause === UNKNOWN_CAUSE) return cause;
  return cause === SOME_CHANGE ? 'changes' : 'others';
}

function kindOfReset({ seq }: TopologyEntry, spaceId: SpaceId, topology: TopologyHistory): ChangeKind {
  const [was, is] = [topology.at(seq - 1).space(spaceId), topology.at(seq).space(spaceId)];
  const isDaily =
    was?.dailyReset !== is?.dailyReset ||
    was?.dailyResetCount !== is?.dailyResetCount ||
    was?.timeZone !== is?.timeZone;
  return isDaily ? 'space' : 'reset';
}

function merged(a: Revision, b: Revision): Revision {
  return {
    ...a,
    ...sumOf(a, b),
    doorwayId: a.doorwayId === b.doorwayId ? a.doorwayId : null,
    dpuId: a.dpuId === b.dpuId ? a.dpuId : null,
  };
}

/** The net at an instant, had counting continued from each of the resets. @param report with its history, of what was known */
async function netsSince(
  report: KnownReport,
  resets: readonly ResetPoint[],
  lastMs: number,
  history: Pick<History, 'segments' | 'events'>,
): Promise<number[]> {
  const edges = [...new Set([...resets.map(({ timestampMs }) => timestampMs), lastMs])].sort((a, b) => a - b);
  const runs = await runsBetween(report, edges, history);
  return resets.map(({ timestampMs, count }) =>
    runs.reduce((net, { sum }, n) => ((edges[n] ?? 0) >= timestampMs ? net + sum : net), count),
  );
}

function spanCount([interval]: readonly IntervalAnswer[], { count, net, drift }: CountAnswer): SpanCount {
  const { entrances = 0, exits = 0, isFinal = false } = interval ?? {};
  return { entrances, exits, count, net, drift, isFinal };
}

/** These have no parts. */
const WHOLE: readonly RevisionKind[] = ['repair', 'unknown', 'new_readings'];
const sizeOf = ({ entrances, exits, net }: Revision): number => Math.abs(entrances) + Math.abs(exits) + Math.abs(net);

/** Changes of the topology in the order of the log, then late readings, the most people first, then what has no parts. */
function listed(revisions: readonly Revision[], max: number): Revision[] {
  const isPart = ({ kind }: Revision): boolean => kind !== 'others' && !WHOLE.includes(kind);
  const parts = revisions.filter(isPart).sort((a, b) => sizeOf(b) - sizeOf(a));
  const shown = parts.slice(0, max);
  const [first, ...more] = [...parts.slice(max), ...revisions.filter(({ kind }) => kind === 'others')];
  return [
    ...shown
      .filter(({ kind }) => kind !== 'late_readings')
      .sort((a, b) => (a.entries[0]?.seq ?? Infinity) - (b.entries[0]?.seq ?? Infinity)),
    ...shown.filter(({ kind }) => kind === 'late_readings'),
    ...WHOLE.flatMap((kind) => revisions.filter((one) => one.kind === kind)),
    ...(first
      ? [{ ...more.reduce(merged, first), kind: 'others', entries: [], doorwayId: null, dpuId: null } as const]
      : []),
  ];
}

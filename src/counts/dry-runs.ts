// What a change of the topology would do, without making it. The facts that it would append are applied to a copy of the history,
// by the code that applies those of the log, and the readings in question are attributed under both. An answer is about one place
// in the TOPOLOGY log: the routers have followed the log that far when the reports are taken, and it has not grown meanwhile.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import { NOWHERE, type SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import { allPartitions } from '../domain/partition.ts';
import { differingResets } from '../domain/reset-schedule.ts';
import { spacesBefore, type TopologyChange } from '../domain/topology-change.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import { placeIn, wholeChange, type TopologyPlace } from '../domain/topology-place.ts';
import type { Span } from '../domain/placement.ts';
import type { SingleFact } from '../domain/topology.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { Slots } from '../runtime/slots.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import { claimedSpan } from './claimed-span.ts';
import { correctionsOf, standing, type Corrections } from './corrections.ts';
import { effectOnSpace, type EffectOnSpace } from './effect-on-space.ts';
import { reportNow } from './report-now.ts';
import { scheduleIn } from './schedule-of.ts';

/** Bounds on what one dry run looks at. Beyond them it is refused, because it would keep the process from other work. */
const [FACTS_MAX, DPUS_MAX, SPACES_MAX, READINGS_MAX] = [20_000, 2_000, 200, 50_000];
/** How often to check whether the routers have followed the topology, and whether a report includes their commits. */
const [POLLS_MAX, POLL_MS] = [40, 50];
/** Each may hold 200,000 rows of history. */
const [RUNNING_MAX, WAITING_MAX] = [2, 100];
/** How many times to try again because the topology has changed in the meantime. */
const ATTEMPTS_MAX = 5;

/** What `TopologyService` offers. */
export interface FollowedTopology {
  readonly history: TopologyHistory;
  /** Resolves once the history includes everything that is in the log now. */
  catchUp(): Promise<unknown>;
  /** The last sequence of the log. */
  readEnd(): Promise<number>;
}

export interface DryRunsDeps {
  readonly topology: FollowedTopology;
  readonly partitions: number;
  readonly events: Pick<SpaceEventsLog, 'lastCommit'>;
  readonly reports: SpaceReports;
  readonly history: History;
  readonly timing: Pick<Timing, 'pause'>;
  /** By this machine's clock. */
  readonly now: () => number;
}

export interface DryRun extends Pick<Corrections, 'corrections' | 'readings'> {
  readonly asOf: TopologyPlace;
  /** Those that are not deleted and whose counts could differ, by id. */
  readonly spaces: readonly EffectOnSpace[];
}

/** @returns the facts that a change would append to the log of this state; throws if it would be refused */
type Decide = (view: TopologyView) => readonly SingleFact[] | Promise<readonly SingleFact[]>;

export class DryRuns {
  readonly #deps: DryRunsDeps;
  readonly #slots = new Slots(RUNNING_MAX, WAITING_MAX);

  constructor(deps: DryRunsDeps) {
    this.#deps = deps;
  }

  /**
   * @throws Failure invalid if the change is about too much; unavailable while an earlier change is being applied; the error of
   * `decide`
   */
  async of(decide: Decide): Promise<DryRun> {
    if (this.#slots.isFull) throw new Failure('unavailable', 'too many dry runs are waiting', { retryAfterSeconds: 5 });
    return this.#slots.run(() => this.#of(decide));
  }

  async #of(decide: Decide): Promise<DryRun> {
    const { topology } = this.#deps;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      await topology.catchUp().catch(unreadable);
      const asOf = placeIn(topology.history);
      const facts = await decide(topology.history.latest());
      if (facts.length > FACTS_MAX) throw tooMuch(FACTS_MAX, 'entries');
      // Deciding on a large document takes a while.
      if (topology.history.seq !== asOf.seq) continue;
      const change = wholeChange(topology.history.supposing(facts), asOf.seq, asOf.seq + 1);
      const found = await this.#effectOf(change, facts);
      if ((await topology.readEnd().catch(unreadable)) === asOf.seq) return { asOf, ...found };
    }
    throw new Failure('unavailable', 'the topology is changing too fast for a dry run', { retryAfterSeconds: 1 });
  }

  async #effectOf(change: TopologyChange, facts: readonly SingleFact[]): Promise<Omit<DryRun, 'asOf'>> {
    const reports = new Reports(this.#deps, await this.#followed(change.before.seq));
    const span = await claimedSpan(change, facts, this.#deps.history);
    const hasDeletions = facts.some(({ kind }) => kind === 'deletion');
    const spaces = spacesBefore(change, hasDeletions ? span : undefined);
    const claims = span ? await this.#claims(change, span, spaces, reports) : [];
    const { corrections, readings, events } = correctionsOf(change, claims, span);
    const effects: EffectOnSpace[] = [];
    for (const spaceId of touchedSpaces(change, events, this.#deps.now())) {
      const { report, instantMs } = await reports.of(spaceId);
      const [before, after] = [scheduleIn(change.before, spaceId), scheduleIn(change.after, spaceId)];
      const space = { report, nowMs: instantMs, before, after, events: events.get(spaceId) ?? [] };
      const effect = await effectOnSpace(space, this.#deps.history);
      if (effect) effects.push(effect);
    }
    return { corrections, readings, spaces: effects };
  }

  /** What the DPUs in question have asserted, in every space where that can be. */
  async #claims(
    change: TopologyChange,
    span: Span,
    possible: ReadonlySet<SpaceId>,
    reports: Reports,
  ): Promise<LoggedEvent[]> {
    const dpuIds = [...change.spans].flatMap(([dpuId, spans]) => (spans.length > 0 ? [dpuId] : []));
    const wanted = new Set(dpuIds);
    if (dpuIds.length > DPUS_MAX) throw tooMuch(DPUS_MAX, 'sensors');
    const spaces = [NOWHERE, ...possible];
    if (spaces.length > SPACES_MAX) throw tooMuch(SPACES_MAX, 'spaces');
    const claims: LoggedEvent[] = [];
    for (const spaceId of spaces) {
      const { report } = await reports.of(spaceId);
      const { storedBlock: block, unstored } = report;
      const limit = READINGS_MAX + 1;
      const stored = await this.#deps.history.claimsOfDpus({ spaceId, block, dpuIds, ...span, limit });
      if (stored.length > READINGS_MAX || claims.length > 2 * READINGS_MAX) throw tooMuch(READINGS_MAX, 'readings');
      claims.push(
        ...standing(
          stored,
          unstored.filter(({ dpuId }) => wanted.has(dpuId)),
        ),
      );
    }
    return claims;
  }

  /** Waits until all routers have followed the topology. @returns the last of their commits then */
  async #followed(topologySeq: number): Promise<number> {
    const { partitions, events, timing } = this.#deps;
    for (let poll = 0; poll < POLLS_MAX; poll++) {
      if (poll > 0) await timing.pause(POLL_MS, NEVER);
      const commits = await Promise.all(allPartitions(partitions).map((router) => events.lastCommit(router))).catch(
        unreadable,
      );
      const isFollowed = commits.every(
        ({ header }) => header && header.topologySeq >= topologySeq && header.reattribution === null,
      );
      if (isFollowed) return commits.reduce((last, { seq }) => Math.max(last, seq), 0);
    }
    throw beingApplied();
  }
}

interface SpaceNow {
  readonly report: KnownReport;
  readonly instantMs: number;
}

/** One report of each space, at least as new as a commit. */
class Reports {
  readonly #deps: DryRunsDeps;
  readonly #seq: number;
  readonly #found = new Map<SpaceId, SpaceNow>();

  constructor(deps: DryRunsDeps, seq: number) {
    this.#deps = deps;
    this.#seq = seq;
  }

  async of(spaceId: SpaceId): Promise<SpaceNow> {
    const known = this.#found.get(spaceId);
    if (known) return known;
    const { reports, timing, now } = this.#deps;
    for (let poll = 0; poll < POLLS_MAX; poll++) {
      if (poll > 0) await timing.pause(POLL_MS, NEVER);
      // Nobody counts in NOWHERE, so its report needs no clock to advance.
      const found =
        spaceId === NOWHERE
          ? { report: await reports.report(spaceId, BEGINNING_MS), instantMs: BEGINNING_MS }
          : await reportNow(reports, spaceId, now(), false);
      if (found.report.seq < this.#seq) continue;
      this.#found.set(spaceId, found);
      return found;
    }
    throw beingApplied();
  }
}

function touchedSpaces(
  { before, after, configs }: TopologyChange,
  events: ReadonlyMap<SpaceId, readonly LoggedEvent[]>,
  nowMs: number,
): SpaceId[] {
  const spaces = new Set<SpaceId>();
  const isThere = (view: TopologyView, spaceId: SpaceId): boolean => view.space(spaceId)?.deleted === false;
  for (const [spaceId, some] of events) if (some.length > 0 && isThere(after, spaceId)) spaces.add(spaceId);
  for (const { spaceId } of configs)
    if (isThere(before, spaceId) && isThere(after, spaceId))
      if (differingResets(scheduleIn(before, spaceId), scheduleIn(after, spaceId), nowMs)) spaces.add(spaceId);
  if (spaces.size > SPACES_MAX) throw tooMuch(SPACES_MAX, 'spaces');
  return [...spaces].sort((a, b) => a - b);
}

function tooMuch(max: number, what: string): Failure {
  return new Failure(
    'invalid',
    `the change is about more than ${max.toLocaleString('en')} ${what}, and a dry run looks at no more`,
    { field: 'dry_run' },
  );
}

function beingApplied(): Failure {
  return new Failure('unavailable', 'an earlier change of the topology is still being applied', {
    retryAfterSeconds: 1,
  });
}

function unreadable(cause: unknown): never {
  throw new Failure('unavailable', 'the logs cannot be read at the moment', { cause, retryAfterSeconds: 5 });
}

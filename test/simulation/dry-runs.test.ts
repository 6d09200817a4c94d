// A dry run of a random change after a random history, and then the change itself: every answer is what the dry run said.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CountAnswer, IntervalAnswer } from '../../src/counts/count-at.ts';
import type { DryRun } from '../../src/counts/dry-runs.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { Failure } from '../../src/domain/failure.ts';
import { requireUnrelatedSince } from '../../src/domain/topology-place.ts';
import type { SingleFact } from '../../src/domain/topology.ts';
import { Oracle } from '../support/oracle.ts';
import { parseReadingId } from '../support/oracle-readings.ts';
import { drawChange } from './draw-change.ts';
import { drawScenario } from './draw-scenario.ts';
import type { SimProcess } from './process.ts';
import { Random } from './random.ts';
import { objectionsToDryRun } from './tried.ts';
import { World } from './world.ts';

const count = ({ count: people, net, drift, lastReadingMs }: CountAnswer): object => ({
  count: people,
  net,
  drift,
  lastReadingMs,
});
const interval = ({ startMs, endMs, entrances, exits, min, max, count: at }: IntervalAnswer): object => ({
  ...{ startMs, endMs, entrances, exits, min, max },
  count: at,
});

interface Tried {
  readonly facts: readonly SingleFact[];
  readonly found: DryRun;
  readonly nowMs: number;
  /** The count now of each space. */
  readonly counts: ReadonlyMap<SpaceId, object>;
}

async function countsAt(world: World, process: SimProcess, atMs: number): Promise<Map<SpaceId, object>> {
  const counts = new Map<SpaceId, object>();
  for (const { id, deleted } of process.topology.history.latest().spaces())
    if (!deleted) counts.set(id, count(await world.answer(() => process.counts.at(id, atMs))));
  return counts;
}

/** @returns undefined if the change is refused */
async function tryChange(world: World, process: SimProcess, random: Random): Promise<Tried | undefined> {
  const { nowMs } = world;
  const { readings } = world.engines.tables;
  const passed = readings.map(({ timestampMs }) => timestampMs);
  const readingIds = readings.map(({ readingId }) => readingId);
  const { history } = process.topology;
  const change = drawChange(random, history.latest(), [nowMs, ...passed], readingIds);
  try {
    const facts = change(history.latest(), nowMs);
    const lastSeq = world.engines.streams.topology.length;
    const found = await world.answer(() => process.dryRuns.of(() => facts));
    // T22: nothing was written.
    expect(world.engines.streams.topology).toHaveLength(lastSeq);
    return { facts, found, nowMs, counts: await countsAt(world, process, nowMs) };
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === 'unavailable') throw error;
    return undefined;
  }
}

/** Compares all answers after the change. */
async function compare(world: World, process: SimProcess, { found, nowMs, counts }: Tried): Promise<number> {
  const listed = new Map(found.spaces.map((space) => [space.spaceId, space]));
  for (const [spaceId, counted] of await countsAt(world, process, nowMs)) {
    const space = listed.get(spaceId);
    if (!space) {
      if (counts.has(spaceId)) expect(counted, `space ${spaceId}, which is not listed`).toEqual(counts.get(spaceId));
      continue;
    }
    const { current, intervals } = space;
    const { timestampMs } = current.after;
    const now = await world.answer(() => process.counts.at(spaceId, timestampMs));
    expect(count(now)).toEqual(count(current.after));
    const bounds = [...new Set(intervals.flatMap(({ startMs, endMs }) => [startMs, endMs]))];
    if (bounds.length === 0) continue;
    const { intervals: answers } = await world.answer(() => process.counts.intervals(spaceId, bounds));
    const byStart = new Map(answers.map((answer) => [answer.startMs, answer]));
    for (const { startMs, after } of intervals)
      expect(interval(byStart.get(startMs) ?? after)).toEqual(interval(after));
  }
  return found.spaces.filter(({ current: { before, after }, intervals }) => {
    const all = [[before, after], ...intervals.map((each) => [each.before, each.after])];
    return all.some(([a, b]) => a?.count !== b?.count);
  }).length;
}

/** Without processes that end, so that the only one has the whole state when the run ends. */
const ENDING = new Set(['start', 'crash', 'stop', 'suspend', 'rebuild', 'history']);
const ATTEMPTS = 30;

function idsUpTo({ running, witness }: World, seq: number): string[] {
  const spaceIds = [
    0,
    ...running.topology.history
      .latest()
      .spaces()
      .map(({ id }) => id),
  ];
  return spaceIds.flatMap((id) => witness.eventsUpTo(id as SpaceId, seq).events.map(({ readingId }) => readingId));
}

/** Asks while readings are provisional, and most are not stored. @returns how many events were not stored */
async function tryUnsettled(world: World, random: Random): Promise<number> {
  const { streams, now } = world.engines;
  const process = world.running;
  const { history } = process.topology;
  const instants = streams.events.everything.map(({ timeMs }) => timeMs);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const readingIds = idsUpTo(world, streams.events.lastSeq);
    const change = drawChange(random, history.latest(), [now(), ...instants], readingIds);
    const { lastSeq } = streams.events;
    const [seqs, unstored] = [new Map<SpaceId, number>(), new Map<SpaceId, number>()];
    const { dryRuns } = process.questions((report) => {
      seqs.set(report.spaceId, report.seq);
      unstored.set(report.spaceId, report.unstored.length);
    });
    try {
      const nowMs = now();
      const facts = change(history.latest(), nowMs);
      const found = await world.answer(() => dryRuns.of(() => facts));
      // Only then all spaces were asked about the same set of readings.
      if (streams.events.lastSeq !== lastSeq || [...seqs.values()].some((seq) => seq !== lastSeq)) continue;
      const logged = streams.topology.map(({ fact }) => fact);
      const spaces = history.latest().spaces();
      const spaceIds = [0, ...spaces.map(({ id }) => id)];
      const events = spaceIds.flatMap((id) => world.witness.eventsUpTo(id as SpaceId, lastSeq).events);
      const readings = events.map(({ readingId, dpuId }) => parseReadingId(readingId, dpuId));
      const [before, after] = [
        new Oracle(readings, logged),
        new Oracle(readings, [...logged, { kind: 'batch', doc: facts }]),
      ];
      expect(objectionsToDryRun(found, before, after, nowMs, spaceIds), JSON.stringify(facts)).toEqual([]);
      return [...unstored.values()].reduce((sum, each) => sum + each, 0);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  return 0;
}

describe('T22 a dry run', () => {
  it('T22 includes events in memory, provisional or not', { timeout: 240_000 }, async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
        const scenario = drawScenario(seed * 4 + 1);
        const actions = scenario.actions.filter(({ kind }, n) => n === 0 || !ENDING.has(kind));
        const world = new World({ ...scenario, actions, leases: 'none', failureRate: 0 });
        try {
          await world.run();
          if ((await tryUnsettled(world, new Random(seed))) > 0) compared += 1;
        } finally {
          world.dispose();
        }
      }),
      { numRuns: 60, seed: 11 },
    );
    expect(compared).toBeGreaterThan(20);
  });

  it(
    'T22 says what the counts are once the change is made, now and by the hour or day',
    { timeout: 240_000 },
    async () => {
      let [made, altered] = [0, 0];
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
          const scenario = drawScenario(seed * 4 + 1);
          const world = new World({ ...scenario, actions: scenario.actions.slice(0, 60) });
          const random = new Random(seed);
          try {
            await world.run();
            let process = await world.settle();
            for (let n = 0; n < 2; n++) {
              const tried = await tryChange(world, process, random);
              if (!tried) continue;
              const { topology } = process;
              await world.finish(
                topology.append(() => {
                  requireUnrelatedSince(topology.history, tried.found.asOf, tried.facts);
                  return tried.facts;
                }, 'loopback'),
              );
              process = await world.settle();
              made += 1;
              altered += await compare(world, process, tried);
            }
          } finally {
            world.dispose();
          }
        }),
        { numRuns: 60, seed: 7 },
      );
      // Otherwise this would compare nothing with nothing.
      expect(made).toBeGreaterThan(60);
      expect(altered).toBeGreaterThan(30);
    },
  );
});

// Compares a dry run with two oracles: one of the set as it is, and one of the set as it would be.
import type { CountAnswer, IntervalAnswer } from '../../src/counts/count-at.ts';
import type { DryRun } from '../../src/counts/dry-runs.ts';
import type { EffectOnSpace } from '../../src/counts/effect-on-space.ts';
import type { Attribution } from '../../src/counts/corrections.ts';
import { intervalBounds, parseInterval } from '../../src/domain/interval.ts';
import type { Oracle, OracleEvent } from '../support/oracle.ts';

/** A daily reset on each of its days takes the oracle a while. */
const LONGEST_MS = 30 * 86_400_000;

/**
 * @param nowMs a dry run lists no space whose counts differ only later
 * @param spaceIds all of them, with 0 and deleted ones
 */
export function objectionsToDryRun(
  found: DryRun,
  before: Oracle,
  after: Oracle,
  nowMs: number,
  spaceIds: readonly number[],
): string[] {
  const objections: string[] = [];
  const expect = (what: string, is: unknown, shouldBe: unknown): void => {
    if (JSON.stringify(is) !== JSON.stringify(shouldBe))
      objections.push(`dry run: ${what} is ${JSON.stringify(is)}, should be ${JSON.stringify(shouldBe)}`);
  };
  expect('what is corrected', corrected(found), expectedCorrections(before, after, spaceIds));
  expect(
    'the number of readings',
    found.readings,
    found.corrections.reduce((sum, { readings }) => sum + readings, 0),
  );
  for (const space of found.spaces) judgeSpace(space, before, after, expect);
  for (const { id } of after.spaces) {
    if (found.spaces.some(({ spaceId }) => spaceId === id)) continue;
    const instants = [...before.events(id), ...after.events(id)].map(({ timestampMs }) => timestampMs);
    for (const atMs of [...instants.filter((ms) => ms <= nowMs), nowMs])
      expect(
        `space ${id}, which is not listed, at ${atMs}`,
        [before.at(id, atMs), before.lastReadingAt(id, atMs)],
        [after.at(id, atMs), after.lastReadingAt(id, atMs)],
      );
  }
  return objections;
}

function judgeSpace(
  { spaceId, current, fromMs, toMs, interval, intervals, intervalsLeftOut, watermarkMs }: EffectOnSpace,
  before: Oracle,
  after: Oracle,
  expect: (what: string, is: unknown, shouldBe: unknown) => void,
): void {
  const { timestampMs } = current.before;
  const at = (oracle: Oracle, atMs: number): object => ({
    ...oracle.at(spaceId, atMs),
    lastReadingMs: oracle.lastReadingAt(spaceId, atMs),
  });
  expect(`space ${spaceId} now`, count(current.before), at(before, timestampMs));
  expect(`space ${spaceId} now, after the change`, count(current.after), at(after, timestampMs));
  for (const each of intervals) {
    const { startMs, endMs, isFinal } = each;
    expect(`space ${spaceId} from ${startMs}`, people(each.before), before.interval(spaceId, startMs, endMs));
    expect(
      `space ${spaceId} from ${startMs}, after the change`,
      people(each.after),
      after.interval(spaceId, startMs, endMs),
    );
    expect(`the finality of space ${spaceId} from ${startMs}`, isFinal, endMs - 1 <= watermarkMs);
  }
  const others = [...before.events(spaceId), ...after.events(spaceId)].map((event) => event.timestampMs);
  for (const atMs of others.filter((ms) => ms <= timestampMs && (ms < (fromMs ?? 0) || ms >= toMs)))
    expect(
      `space ${spaceId} at ${atMs}, outside the span from ${fromMs} to ${toMs}`,
      before.at(spaceId, atMs).count,
      after.at(spaceId, atMs).count,
    );
  // The figures of an interval that is not listed stay as they are.
  const zone = after.spaces.find(({ id }) => id === spaceId)?.timeZone ?? 'UTC';
  const length = parseInterval(interval);
  const bounds = length ? intervalBounds(Math.max(0, fromMs ?? 0, toMs - LONGEST_MS), toMs, length, zone) : [];
  const lastListedMs = intervals.at(-1)?.startMs ?? 0;
  const listed = new Set(intervals.map(({ startMs }) => startMs));
  for (const [n, startMs] of bounds.slice(0, -1).entries()) {
    if (listed.has(startMs) || (intervalsLeftOut > 0 && startMs > lastListedMs)) continue;
    const [was, is] = [before, after].map((oracle) => oracle.interval(spaceId, startMs, bounds[n + 1] ?? startMs));
    expect(`space ${spaceId} from ${startMs}, which is not listed`, is, was);
  }
}

const count = ({ count: people, net, drift, lastReadingMs }: CountAnswer): object => ({
  count: people,
  net,
  drift,
  lastReadingMs,
});
const people = ({ startMs, endMs, entrances, exits, min, max, count: at }: IntervalAnswer): object => ({
  startMs,
  endMs,
  entrances,
  exits,
  min,
  max,
  count: at,
});

interface Group {
  readings: number;
  firstMs: number;
  lastMs: number;
}

/** By DPU, doorways and spaces: how many readings, and from when to when. */
function corrected({ corrections }: DryRun): [string, Group][] {
  const placeOf = ({ doorwayId, ingressSpaceId, egressSpaceId, state }: Attribution): unknown[] => [
    // The oracle's doorway of deleted readings.
    state === 'deleted' ? -1 : (doorwayId ?? 0),
    [...(state === 'counted' ? [] : [0]), ...[ingressSpaceId, egressSpaceId].filter((id) => id !== null)].sort(),
  ];
  const groups = new Map<string, Group>();
  for (const { dpuId, from, to, readings, firstMs, lastMs } of corrections)
    add(groups, JSON.stringify([dpuId, placeOf(from), placeOf(to)]), { readings, firstMs, lastMs });
  return [...groups].sort(byKey);
}

function expectedCorrections(before: Oracle, after: Oracle, spaceIds: readonly number[]): [string, Group][] {
  const [was, is] = [claimsIn(before, spaceIds), claimsIn(after, spaceIds)];
  const groups = new Map<string, Group>();
  for (const { readingId, dpuId, timestampMs } of before.readings) {
    const [from, to] = [was.get(readingId) ?? [], is.get(readingId) ?? []];
    if (JSON.stringify(from) === JSON.stringify(to)) continue;
    const placeOf = (events: readonly Claim[]): unknown[] => [
      events[0]?.doorwayId,
      events.map(({ spaceId }) => spaceId).sort(),
    ];
    add(groups, JSON.stringify([dpuId, placeOf(from), placeOf(to)]), {
      readings: 1,
      firstMs: timestampMs,
      lastMs: timestampMs,
    });
  }
  return [...groups].sort(byKey);
}

type Claim = Pick<OracleEvent, 'spaceId' | 'doorwayId' | 'entrances' | 'exits' | 'isEgress'>;

/** The events of each reading, in every space. */
function claimsIn(oracle: Oracle, spaceIds: readonly number[]): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>();
  for (const id of spaceIds)
    for (const { readingId, spaceId, doorwayId, entrances, exits, isEgress = false } of oracle.events(id))
      claims.set(readingId, [...(claims.get(readingId) ?? []), { spaceId, doorwayId, entrances, exits, isEgress }]);
  return claims;
}

function add(groups: Map<string, Group>, key: string, { readings, firstMs, lastMs }: Group): void {
  const group = groups.get(key);
  if (!group) {
    groups.set(key, { readings, firstMs, lastMs });
    return;
  }
  group.readings += readings;
  group.firstMs = Math.min(group.firstMs, firstMs);
  group.lastMs = Math.max(group.lastMs, lastMs);
}

const byKey = ([a]: [string, Group], [b]: [string, Group]): number => (a < b ? -1 : 1);

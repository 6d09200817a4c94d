// A space with random events of a few milliseconds around a daily reset: any part of them stored and the rest in memory, some
// moved, and manual resets in between.
import fc from 'fast-check';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Author } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { fakeOf } from './fake-of.ts';
import { intervalEvent } from './interval-event.ts';
import { SpaceOracle, type OracleSchedule } from './oracle.ts';
import { spaceCalled } from './space-called.ts';

export const SPACE = 1 as SpaceId;
const BLOCK = 3;
/** Around a daily reset, so that there is one inside most intervals. */
export const START_MS = Date.UTC(2024, 2, 29, 23, 59, 59, 900);

export interface Passage {
  readonly atMs: number;
  readonly entrances: number;
  readonly exits: number;
  readonly dpuId: string;
  readonly name: number;
  /** Where it counts, and where it counted before a move. */
  readonly doorwayId: number;
  readonly movedFrom: number | undefined;
  /** In blocks up to the one of the report: what was asserted first, what was retracted, what was asserted then. */
  readonly isStored: readonly boolean[];
}

export interface Case {
  readonly passages: readonly Passage[];
  readonly resets: readonly { timestampMs: number; count: number; recordedMs: number }[];
  readonly dailyReset: string | null;
  readonly watermarkMs: number;
}

export const instant = fc.integer({ min: 0, max: 200 }).map((ms) => START_MS + ms);
export const some: fc.Arbitrary<Case> = fc.record({
  passages: fc.uniqueArray(
    fc.record({
      atMs: instant,
      entrances: fc.integer({ min: 0, max: 3 }),
      exits: fc.integer({ min: 0, max: 4 }),
      dpuId: fc.constantFrom('a', 'b', 'c'),
      name: fc.integer({ min: 1, max: 4 }),
      doorwayId: fc.constantFrom(1, 2),
      movedFrom: fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }),
      isStored: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    }),
    { selector: ({ atMs, dpuId, name }) => `${atMs} ${dpuId} ${name}`, maxLength: 30 },
  ),
  resets: fc.array(
    fc.record({
      timestampMs: instant,
      count: fc.integer({ min: 0, max: 3 }),
      recordedMs: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 3 },
  ),
  dailyReset: fc.constantFrom(null, '00:00'),
  watermarkMs: instant,
});

const event = ({ atMs, entrances, exits, dpuId, name }: Passage, doorwayId: number, sign: 1 | -1): LoggedEvent =>
  intervalEvent(
    {
      spaceId: SPACE,
      dpuId: dpuId as DpuId,
      doorwayId: doorwayId as DoorwayId,
      timestampMs: atMs,
      sign,
      name: String(name),
    },
    [entrances, exits],
  );

/**
 * Everything that is asserted and retracted of a passage, in this order; each is stored only if what came before it is, and
 * nothing after the watermark is stored.
 */
function eventsOf(passage: Passage, watermarkMs: number): { stored: LoggedEvent[]; unstored: LoggedEvent[] } {
  const { movedFrom, doorwayId, isStored } = passage;
  const all =
    movedFrom === undefined
      ? [event(passage, doorwayId, 1)]
      : [event(passage, movedFrom, 1), event(passage, movedFrom, -1), event(passage, doorwayId, 1)];
  const from = passage.atMs > watermarkMs ? 0 : isStored.slice(0, all.length).indexOf(false);
  return from < 0 ? { stored: all, unstored: [] } : { stored: all.slice(0, from), unstored: all.slice(from) };
}

/** Who set the nth reset, and when. */
const signatureOf = (n: number): { by: Author; atMs: number } => ({ by: `token:person ${n}`, atMs: 20 + n });

interface KnownSpace {
  readonly topology: TopologyHistory;
  readonly report: KnownReport;
  /** In history, in blocks before and after that of the report. */
  readonly rows: readonly (LoggedEvent & { readonly block: number })[];
  readonly oracle: SpaceOracle;
}

export function knownSpace({ passages, resets, dailyReset, watermarkMs }: Case, timeZone = 'UTC'): KnownSpace {
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: { ...spaceCalled('hall', SPACE), dailyReset, timeZone } } });
  resets.forEach((reset, n) =>
    topology.apply({ seq: 2 + n, fact: { kind: 'reset', doc: { spaceId: SPACE, ...reset }, ...signatureOf(n) } }),
  );
  const parts = passages.map((passage) => eventsOf(passage, watermarkMs));
  const unstored = parts.flatMap((part) => part.unstored);
  const schedule: OracleSchedule = {
    timeZone,
    dailyReset,
    dailyResetCount: 0,
    manual: resets.map((reset, n) => {
      const { by: setBy, atMs: setAtMs } = signatureOf(n);
      return { id: n + 1, ...reset, setBy, setAtMs };
    }),
  };
  return {
    topology,
    rows: [
      ...parts.flatMap(({ stored }) => stored).map((row) => ({ ...row, block: 1 })),
      // Another fold has stored later blocks already.
      ...unstored.map((row) => ({ ...row, block: BLOCK + 1 })),
    ],
    report: fakeOf<KnownReport>('report', {
      spaceId: SPACE,
      storedBlock: BLOCK,
      unstored,
      watermarkMs,
      heldBackBy: { dpuId: 'a' as DpuId, router: 0 as Partition, clockMs: watermarkMs },
      lateEvents: 7,
      isStale: false,
    }),
    oracle: new SpaceOracle(
      passages.map((passage) => event(passage, passage.doorwayId, 1)),
      schedule,
    ),
  };
}

// Reports of several spaces as of one sequence of the log.
import { expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { reportsAtOnce, type EventsReport } from '../../src/counts/reports-at-once.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { fakeOf } from '../support/fake-of.ts';

interface State {
  readonly epoch?: number;
  readonly seq: number;
  readonly block: number;
  readonly watermarkMs?: number;
  /** The sequences of its events. */
  readonly events?: readonly number[];
}

/** Each space answers with one state after another, and then with the last one again. */
function reporting(states: Readonly<Record<number, readonly State[]>>) {
  const asked: number[] = [];
  const report = async (spaceId: SpaceId): Promise<KnownReport> => {
    const some = states[spaceId] ?? [];
    const {
      epoch = 0,
      seq,
      block,
      watermarkMs = 0,
      events = [],
    } = some[Math.min(asked.filter((id) => id === spaceId).length, some.length - 1)] as State;
    asked.push(spaceId);
    const unstored = events.map((each) => fakeOf<LoggedEvent>('event', { seq: each }));
    return fakeOf<KnownReport>('report', { spaceId, epoch, seq, storedBlock: block, watermarkMs, unstored });
  };
  return { asked, reports: { isCutOff: false, report } };
}

const ask = async (states: Readonly<Record<number, readonly State[]>>) => {
  const { asked, reports } = reporting(states);
  const spaceIds = Object.keys(states).map(Number) as SpaceId[];
  const found = await reportsAtOnce(reports, spaceIds, 0, { pause: async () => undefined });
  return { asked, found: found.map(terms) };
};
const terms = ({ spaceId, seq, storedBlock, watermarkMs, unstored }: EventsReport) => ({
  spaceId,
  seq,
  storedBlock,
  watermarkMs,
  events: unstored.map((event) => event.seq),
});

it('T25 one space is asked once', async () => {
  const { asked, found } = await ask({ 1: [{ seq: 7, block: 2, events: [6, 7] }] });
  expect(asked).toEqual([1]);
  expect(found).toEqual([{ spaceId: 1, seq: 7, storedBlock: 2, watermarkMs: 0, events: [6, 7] }]);
});

it('T25 a space that is behind is asked again, and what came after the common sequence is left out', async () => {
  const { asked, found } = await ask({
    1: [
      { seq: 7, block: 2, watermarkMs: 100, events: [6] },
      { seq: 8, block: 2, watermarkMs: 150, events: [6, 8] },
      { seq: 11, block: 2, watermarkMs: 300, events: [6, 8, 9, 10, 11] },
    ],
    2: [{ seq: 9, block: 5, watermarkMs: 200, events: [9] }],
  });
  expect(asked).toEqual([1, 2, 1, 1]);
  // A later watermark would promise that events which are left out have been counted.
  expect(found).toEqual([
    { spaceId: 1, seq: 9, storedBlock: 2, watermarkMs: 100, events: [6, 8, 9] },
    { spaceId: 2, seq: 9, storedBlock: 5, watermarkMs: 200, events: [9] },
  ]);
});

it('T25 both are asked again when a block was stored in between', async () => {
  const { found } = await ask({
    1: [
      { seq: 7, block: 2, events: [6] },
      { seq: 10, block: 3, events: [10] },
      { seq: 12, block: 3, events: [10] },
    ],
    2: [
      { seq: 9, block: 5 },
      { seq: 12, block: 5, events: [11] },
    ],
  });
  expect(found).toEqual([
    { spaceId: 1, seq: 12, storedBlock: 3, watermarkMs: 0, events: [10] },
    { spaceId: 2, seq: 12, storedBlock: 5, watermarkMs: 0, events: [11] },
  ]);
});

it('T25 all are asked again while they are of different epochs of the log', async () => {
  const { found } = await ask({
    1: [
      { epoch: 0, seq: 70, block: 2, watermarkMs: 900, events: [70] },
      { epoch: 1, seq: 6, block: 2, watermarkMs: 100, events: [3] },
      { epoch: 1, seq: 6, block: 2, watermarkMs: 100, events: [3] },
      { epoch: 1, seq: 8, block: 2, watermarkMs: 200, events: [3, 8] },
    ],
    2: [
      { epoch: 1, seq: 5, block: 5, events: [4] },
      { epoch: 1, seq: 7, block: 5, events: [4, 7] },
    ],
  });
  expect(found.map(({ seq, watermarkMs, events }) => [seq, watermarkMs, events])).toEqual([
    [7, 100, [3]],
    [7, 0, [4, 7]],
  ]);
});

it('T25 a space that stays behind makes the question fail', async () => {
  await expect(ask({ 1: [{ seq: 7, block: 2 }], 2: [{ seq: 9, block: 5 }] })).rejects.toMatchObject({
    kind: 'unavailable',
  });
});

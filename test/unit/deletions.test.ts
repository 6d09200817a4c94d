// Deletions of single readings as facts of the topology: their versions, the limit, and what a router looks at again.
import { expect, it } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { END_MS, LATEST_STORABLE_MS } from '../../src/domain/instant.ts';
import { readingOfIdentity, type Reading } from '../../src/domain/reading.ts';
import { decideTopology, DELETIONS_MAX, type TopologyCommand } from '../../src/domain/topology-command.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { changeBetween } from '../../src/domain/topology-change.ts';

const readingCalled = (id: string): Reading => {
  const reading = readingOfIdentity(id);
  if (!reading) throw new Error(`${id} is no reading`);
  return reading;
};
const [PERSON, OTHER, STANDING] = ['d~1000~+', 'd~1000~-', 'd~2000~t5-0'].map(readingCalled) as [
  Reading,
  Reading,
  Reading,
];

function execute(history: TopologyHistory, command: TopologyCommand): void {
  history.apply({ seq: history.seq + 1, fact: decideTopology(history.latest(), command, 9_000) });
}

const deletion = (reading: Reading): TopologyCommand => ({ kind: 'deleteReading', reading, reason: 'a test' });
const restoration = (reading: Reading): TopologyCommand => ({ kind: 'restoreReading', reading });

it('T21 a reading is deleted from its deletion to its restoration, and no other with it', () => {
  const history = new TopologyHistory();
  execute(history, deletion(PERSON));
  execute(history, restoration(PERSON));
  execute(history, deletion(PERSON));
  const isDeleted = (reading: Reading): boolean[] => [0, 1, 2, 3].map((seq) => history.at(seq).isDeleted(reading));
  expect(isDeleted(PERSON)).toEqual([false, true, false, true]);
  expect(isDeleted(OTHER)).toEqual([false, false, false, false]);
  expect(history.at(2).deletions()).toEqual([]);
  expect(history.latest().deletions()).toMatchObject([{ readingId: 'd~1000~+', reason: 'a test', recordedMs: 9_000 }]);
  history.clear();
  expect(history.latest().isDeleted(PERSON)).toBe(false);
});

it('T21 a reading that is stored under an id in the previous format is the same reading', () => {
  const history = new TopologyHistory();
  const named = readingCalled('d~1000~+.n1');
  execute(history, deletion(named));
  expect(history.latest().isDeleted({ ...named, hasPreviousId: true })).toBe(true);
});

it('T21 what is already so is refused, and so is a timestamp that no reading can have', () => {
  const history = new TopologyHistory();
  expect(() => execute(history, restoration(PERSON))).toThrow('not deleted');
  execute(history, deletion(PERSON));
  expect(() => execute(history, deletion(PERSON))).toThrow('already deleted');
  const late = { ...PERSON, timestampMs: LATEST_STORABLE_MS + 1 };
  expect(() => execute(history, deletion(late))).toThrow('no reading is later than');
});

it('T21 the number of deletions is limited, whatever was restored', () => {
  const history = new TopologyHistory();
  for (let n = 0; n < DELETIONS_MAX - 1; n++)
    history.apply({
      seq: n + 1,
      fact: {
        kind: 'deletion',
        doc: { dpuId: 'e' as DpuId, readingId: `e~${n}~+`, reason: '', recordedMs: 0, restored: false },
      },
    });
  execute(history, deletion(PERSON));
  execute(history, restoration(PERSON));
  expect(history.latest().deletionsRecorded()).toBe(DELETIONS_MAX);
  expect(() => execute(history, deletion(PERSON))).toThrow('exclude a span of time instead');
  expect(history.at(5).deletionsRecorded()).toBe(5);
});

it('T21 a router looks at the reading again and, after a standing, at all later readings of its DPU', () => {
  const history = new TopologyHistory();
  execute(history, deletion(PERSON));
  execute(history, deletion(STANDING));
  const spansIn = (router: number, partitions: number): unknown[] => [
    ...changeBetween(history, 0, history.seq, router as Partition, partitions).spans,
  ];
  const spans = [
    { fromMs: 1_000, toMs: 1_001 },
    { fromMs: 2_000, toMs: END_MS },
  ];
  expect(spansIn(0, 1)).toEqual([['d', spans]]);
  expect([0, 1, 2].flatMap((router) => spansIn(router, 3))).toEqual([['d', spans]]);
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import type { Device, TopologyEntry } from '../../src/domain/topology.ts';
import { replayedPayload, type LetterRecord } from './replayed-payloads.ts';

const NOON = Date.UTC(2024, 2, 29, 12);
const LATER = '2024-03-29T15:00:00.000Z';
const UNSET = '1970-01-01T00:00:00.000Z';

/** Two letters: the reading of line a came from the future, and that of line b has no clock. */
const PAYLOAD = {
  seq: 7,
  timeMs: NOON,
  subject: 'readings.0.d1.mapping',
  data: new TextEncoder().encode(
    JSON.stringify([
      { line: 'a', d: 1, at: LATER },
      { line: 'b', d: 2, at: UNSET },
    ]),
  ),
};

const future = { dpu_id: 'd1/a', timestamp: LATER, direction: 1 };
const unset = { dpu_id: 'd1/b', timestamp: UNSET, direction: 1 };

/** On arrival both crossings are read; with the later options only that of line a. */
const TOPOLOGY = [optionsAt(NOON - 1_000, ['1', '2']), optionsAt(NOON + 1_000, ['1'])];

describe('D2 what replayed letters of a payload stand for', () => {
  it('is the same for all of them if they share it, also where one stands for that by itself', () => {
    const records = [recordOf('future', [future]), recordOf('clock_unset', [future])];
    const { crossings, objections } = replayedPayload(PAYLOAD, records, TOPOLOGY);
    expect(objections).toEqual([]);
    expect(crossings.map(([{ item }]) => item)).toEqual([{ timestamp: LATER, direction: 1 }]);
  });

  it('is its own part for each if all is still read the same', () => {
    const records = [recordOf('future', [future]), recordOf('clock_unset', [unset])];
    const { crossings, objections } = replayedPayload(PAYLOAD, records, TOPOLOGY);
    expect(objections).toEqual([]);
    expect(crossings).toHaveLength(2);
  });

  it('cannot be its own part for one of them, and what they share for the other', () => {
    const records = [recordOf('clock_unset', [unset]), recordOf('future', [{ ...future, direction: -1 }])];
    const { objections } = replayedPayload(PAYLOAD, records, [...TOPOLOGY, reversedAt(NOON + 2_000)]);
    expect(objections.join()).toContain('no options read what the record of letter clock_unset.7');
  });
});

function recordOf(reason: string, readings: readonly object[]): LetterRecord {
  const readAs = createHash('sha256').update(JSON.stringify(readings)).digest('base64url');
  return { reason, shiftMs: 0, dpuId: null, atMs: NOON + 5_000, readAs };
}

function optionsAt(
  atMs: number,
  entrance: readonly string[],
  others: NonNullable<Device['options']> = {},
): TopologyEntry {
  const options = {
    kind: 'event',
    line: '@.line',
    direction: { path: '@.d', entrance, exit: ['-1'] },
    time: '@.at',
    ...others,
  };
  return {
    seq: atMs,
    storedMs: atMs,
    fact: {
      kind: 'device',
      afterMs: atMs,
      doc: { id: 'd1' as DpuId, adapter: 'mapping', options, createdMs: atMs, updatedMs: atMs, deleted: false },
    },
  };
}

function reversedAt(atMs: number): TopologyEntry {
  return optionsAt(atMs, ['1'], { reversed: true });
}

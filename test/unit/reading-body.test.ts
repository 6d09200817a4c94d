// What an adapter makes of a payload, as a reading that a device could have sent itself.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AdaptedReading } from '../../src/adapters/adapter.ts';
import { COMMON_OPTIONS, defineAdapter } from '../../src/adapters/define-adapter.ts';
import { readingBodyOf } from '../../src/adapters/reading-body.ts';
import { parseReading } from '../../src/domain/parse-reading.ts';

const AT = Date.UTC(2024, 0, 1);
const bodyOf = (reading: AdaptedReading['reading']): object => readingBodyOf({ dpuId: 'd', reading });
const totals = (counterEpoch?: string): object =>
  bodyOf({
    timestampMs: AT,
    totalEntrances: 5,
    totalExits: 3,
    ...(counterEpoch === undefined ? {} : { counterEpoch }),
  });

describe('the totals of a counter', () => {
  it('have its epoch, if it has one', () => {
    const body = { dpu_id: 'd', timestamp: '2024-01-01T00:00:00.000Z', total_entrances: 5, total_exits: 3 };
    expect(totals()).toEqual(body);
    expect(totals('run-1')).toEqual({ ...body, counter_epoch: 'run-1' });
  });

  it('have an epoch that a reading may contain, different for different runs', () => {
    const epochs = ['2024-01-01T00:00:00+01:00', '2024-01-01T00:00:00+02:00', 'a b', 'a_b', '='.repeat(100)];
    const bodies = epochs.map(totals);
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(epochs.length);
    for (const body of bodies)
      expect(parseReading(body, { latestMs: AT })).toMatchObject({
        ok: true,
      });
  });
});

describe('an adapter', () => {
  const adapted = (read: Parameters<typeof defineAdapter>[0]['read']): unknown => {
    const configured = defineAdapter({ name: 'x', options: z.strictObject(COMMON_OPTIONS), read }).configure({});
    if (!configured.ok) throw new Error('it has no options');
    return configured.adapt(new Uint8Array(), { device: 'd', arrivalMs: AT });
  };

  it('with a defect rejects the payload', () => {
    const read = (): never => {
      throw new TypeError('x is not a function');
    };
    expect(adapted(read)).toEqual({
      readings: [],
      rejected: [{ detail: 'the adapter failed: TypeError: x is not a function' }],
      skipped: [],
    });
  });
});

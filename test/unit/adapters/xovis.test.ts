// Xovis: lines, retries, corrections, what is not a person.
import { describe, expect, it } from 'vitest';
import { ADAPTERS } from '../../../src/adapters/adapters.ts';
import { adaptAll, counted, json } from '../../support/device-samples.ts';

const SENSOR = { serial_number: 'S', type: 'SINGLE_SENSOR' };
const T = Date.UTC(2026, 10, 3, 9);

function logics(records: readonly object[], logic: object = {}, sensor: object = SENSOR): object {
  return {
    logics_data: { sensor_info: sensor, logics: [{ id: 2, info: 'XLT_LINE_IN_OUT_COUNT', records, ...logic }] },
  };
}

function record(minute: number, fw: unknown, bw: unknown, more: object = {}): object {
  const [from, to] = [T + minute * 60_000, T + (minute + 1) * 60_000];
  return {
    from,
    to,
    counts: [
      { name: 'fw', value: fw },
      { name: 'bw', value: bw },
    ],
    ...more,
  };
}

function crossing(track: number | undefined, type = 'LINE_CROSS_FORWARD'): object {
  return { category: 'SCENE', type, attributes: { track_id: track, geometry_id: 2 } };
}

function live(frames: readonly object[]): object {
  return { live_data: { sensor_info: SENSOR, frames } };
}

const of = (document: object, options?: object): ReturnType<typeof adaptAll>[number] =>
  adaptAll('xovis', options, [json(document)])[0]!;

describe('records of logics', () => {
  it('count as intervals, with the samples as their revision', () => {
    expect(of(logics([record(0, 3, 1, { samples: 11, samples_expected: 15 })])).readings).toEqual([
      {
        dpuId: 'S/2',
        reading: { timestampMs: T + 60_000, startMs: T, entrances: 3, exits: 1, revision: 11 },
      },
    ]);
  });

  it('count once where an interval is in the payload twice: the one with more samples', () => {
    const twice = [record(0, 9, 9, { samples: 11 }), record(0, 3, 1, { samples: 15 })];
    expect(counted([of(logics(twice))])).toEqual(counted([of(logics([twice[1]!]))]));
    expect(counted([of(logics(twice.toReversed()))])).toEqual(counted([of(logics(twice))]));
  });

  it.each(['GROUP', 'BICYCLE', 'PRAM', 'WHEELCHAIR', 'SHOPPING_CART'])('do not count a %s', (object) => {
    expect(of(logics([record(0, 3, 1)], { info: `XLT_${object}_LINE_IN_OUT_COUNT` })).readings).toEqual([]);
  });

  it('say which of them cannot be read, and count the others', () => {
    const { readings, rejected } = of(logics([record(0, -1, 1), record(1, 1, '2'), record(2, 1, 1, { to: 'noon' })]));
    expect(readings.map(({ reading }) => reading)).toEqual([
      { timestampMs: T + 120_000, startMs: T + 60_000, entrances: 1, exits: 2 },
    ]);
    expect(rejected).toEqual([
      {
        path: 'logics_data.logics[0].records[0].counts[0].value',
        detail: 'must be a whole number, at least 0',
      },
      {
        path: 'logics_data.logics[0].records[2].to',
        detail: 'must be a time: ISO 8601, or seconds or milliseconds since 1970',
      },
    ]);
  });

  it('may have times in seconds or as text', () => {
    const times = { from: T / 1_000, to: '2026-11-03T10:01:00+01:00' };
    expect(counted([of(logics([record(0, 1, 0, times)]))])).toEqual([
      'S/2  2026-11-03T09:00:00Z  2026-11-03T09:01:00Z  1/0',
    ]);
  });

  it('of a multisensor are other lines than those of the sensor', () => {
    const multi = { serial_number: 'S', type: 'MULTI_SENSOR', multisensor_id: 7 };
    expect(of(logics([record(0, 1, 0)], {}, multi)).readings[0]?.dpuId).toBe('S/m7.2');
  });
});

describe('line crossings', () => {
  it('of two persons in a frame are two, and of a payload sent again the same two', () => {
    const frames = [{ time: T, events: [crossing(1), crossing(2), crossing(3, 'LINE_CROSS_BACKWARD')] }];
    const [first, again] = adaptAll('xovis', { counter: 'event' }, [json(live(frames)), json(live(frames))]);
    expect(first?.readings.map(({ reading }) => reading)).toEqual([
      { timestampMs: T, direction: 1, id: '1' },
      { timestampMs: T, direction: 1, id: '2' },
      { timestampMs: T, direction: -1, id: '3' },
    ]);
    expect(again).toEqual(first);
  });

  it('are identified by the track of the event, not by the first object of the frame', () => {
    const objects = [
      { track_id: 1, type: 'GROUP' },
      { track_id: 2, type: 'PERSON' },
    ];
    const frames = [{ time: T, tracked_objects: objects, events: [crossing(1), crossing(2)] }];
    expect(of(live(frames), { counter: 'event' }).readings.map(({ reading }) => reading.id)).toEqual(['2']);
  });

  it('can be reversed for one line', () => {
    const frames = [{ time: T, events: [crossing(1)] }];
    expect(counted([of(live(frames), { counter: 'event', reversed: ['2'] })])[0]).toMatch(/0\/1$/);
    expect(counted([of(live(frames), { counter: 'event', reversed: ['3'] })])[0]).toMatch(/1\/0$/);
  });

  it('without a line, or a time, are rejected where they are', () => {
    const frames = [{ events: [{ type: 'LINE_CROSS_FORWARD', attributes: {} }, crossing(1)] }];
    expect(of(live(frames), { counter: 'event' }).rejected.map(({ path }) => path)).toEqual([
      'live_data.frames[0].time',
      'live_data.frames[0].time',
    ]);
    expect(of(live([{ ...frames[0], time: T }]), { counter: 'event' }).rejected.map(({ path }) => path)).toEqual([
      'live_data.frames[0].events[0].attributes.geometry_id',
    ]);
  });
});

it('reads a list of packages', () => {
  const { readings } = of([logics([record(0, 1, 0)]), { status_data: {} }, logics([record(1, 0, 1)])]);
  expect(readings).toHaveLength(2);
});

it('names the option that is wrong', () => {
  const problems = (options: unknown): unknown => ADAPTERS.get('xovis')?.configure(options);
  expect(problems({ counter: 'all' })).toMatchObject({ ok: false, problems: [{ path: 'counter' }] });
  expect(problems({ reversed: ['1', ''] })).toMatchObject({ ok: false, problems: [{ path: 'reversed[1]' }] });
  expect(problems({ color: 'red' })).toMatchObject({ ok: false, problems: [{ path: '' }] });
  expect(problems('x')).toMatchObject({ ok: false, problems: [{ path: '' }] });
});

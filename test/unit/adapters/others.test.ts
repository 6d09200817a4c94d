// Roode, Density, Butlr, and what all adapters share: times, names of DPUs, decoding.
import { describe, expect, it } from 'vitest';
import { clockOfOffset, clockOfZone, timeOf, type TimeRules } from '../../../src/adapters/device-time.ts';
import { dpuNameOf } from '../../../src/adapters/dpu-name.ts';
import { Field } from '../../../src/adapters/field.ts';
import { adaptAll, counted, json, type Message } from '../../support/device-samples.ts';

const published = (topic: string, payload: string, retained = false): Message => ({
  payload: Buffer.from(payload),
  context: { topic: `roode/${topic}`, retained },
});
const number = (value: string): Message => published('number/roode_people_counter/state', value);
const direction = (value: string): Message => published('sensor/roode_last_direction/state', value);
const status = (value: string): Message => published('status', value);

describe('Roode', () => {
  it.each<[string, readonly Message[], number]>([
    ['the same direction twice', [direction('Entry'), direction('Entry')], 2],
    [
      'a repeated state after a reconnect',
      [number('1'), direction('Entry'), status('offline'), number('1'), direction('Entry'), status('online')],
      1,
    ],
    [
      'a repeated state, then a crossing',
      [
        number('1'),
        direction('Entry'),
        status('offline'),
        number('1'),
        direction('Entry'),
        number('2'),
        direction('Entry'),
      ],
      2,
    ],
    [
      'a crossing right after a reconnect',
      [number('1'), direction('Entry'), status('offline'), status('online'), number('2'), direction('Entry')],
      2,
    ],
    [
      'one repeated state only',
      [number('0'), direction('Exit'), status('offline'), direction('Exit'), direction('Exit')],
      2,
    ],
    ['no number at all', [direction('Entry'), status('offline'), direction('Entry')], 1],
    [
      'commands and other sensors',
      [published('number/roode_people_counter/command', '5'), published('sensor/roode_rssi/state', '-61')],
      0,
    ],
    ['a text elsewhere', [published('sensor/roode_last_direction/config', 'Entry')], 0],
    ['states of no thing', [direction('unknown'), number('unavailable'), direction('constructor')], 0],
    ['a retained direction', [{ ...direction('Exit'), context: { topic: 'r/sensor/d/state', retained: true } }], 0],
    ['text without a topic', [{ payload: Buffer.from('Exit\0') }], 1],
  ])('%s', (_, messages, readings) => {
    expect(adaptAll('roode', {}, messages).flatMap((adapted) => adapted.readings)).toHaveLength(readings);
  });

  it.each([
    'number/hall_people_count/state',
    'sensor/roode_people_counter/state',
    'number/roode_people_counter_2/state',
  ])('recognises the occupancy at %s, so that a crossing right after a reconnect counts', (topic) => {
    const messages = [
      ...[published(topic, '1'), direction('Entry'), status('offline')],
      ...[published(topic, '2'), direction('Entry')],
    ];
    expect(adaptAll('roode', {}, messages).flatMap((adapted) => adapted.readings)).toHaveLength(2);
  });

  it('counts no counter of one direction, and says so, nor a measurement of the entry or exit zone', () => {
    const remark = 'a counter of one direction alone is not counted: publish both counters in one message';
    for (const [topic, value, skipped] of [
      ['sensor/hall_entries/state', '17', [{ detail: remark }]],
      ['sensor/hall_exits_total/state', '12.000000', [{ detail: remark }]],
      ['sensor/roode_distance_exit/state', '1834', []],
      ['sensor/roode_max_threshold_entry/state', '1870', []],
      ['binary_sensor/roode_exit/state', 'ON', []],
    ] as const)
      expect(adaptAll('roode', {}, [published(topic, value)]), topic).toMatchObject([
        { readings: [], rejected: [], skipped },
      ]);
  });

  it('counts at the arrival, or when a bridge received it', () => {
    const bridged = { topic: 'r/sensor/d/state', payload: 'Exit', retain: false, received_at: '2026-11-03T08:00:00Z' };
    expect(counted(adaptAll('roode', {}, [direction('Entry'), json(bridged)]))).toEqual([
      'device  arrival  1/0',
      'device  2026-11-03T08:00:00Z  0/1',
    ]);
  });

  it("takes what a device's own automation publishes, with id and time", () => {
    const [one, two, three] = adaptAll('roode', {}, [
      json({ direction: 'Entry', id: 17, timestamp: 1_793_692_800 }),
      json({ direction: -1 }),
      json({ direction: 'in' }),
    ]);
    expect(one?.readings[0]?.reading).toEqual({ timestampMs: Date.UTC(2026, 10, 3, 8), direction: 1, id: '17' });
    expect(two?.readings[0]?.reading).toEqual({ timestampMs: null, direction: -1 });
    expect(three?.rejected).toEqual([{ path: 'direction', detail: 'must be Entry, Exit, 1 or -1' }]);
  });

  it('continues without its memory, or with a damaged one', () => {
    const message = { ...direction('Entry'), context: { topic: 'r/sensor/d/state', memory: '[]' } };
    expect(adaptAll('roode', {}, [message])[0]?.readings).toHaveLength(1);
  });
});

describe('Density', () => {
  const event = { space_id: 's', doorway_id: 'd', direction: 1, count: 47, timestamp: '2026-11-03T08:00:00Z' };

  it.each([
    [{ direction: 0 }, 'direction'],
    [{ direction: 'in' }, 'direction'],
    [{ direction: null }, 'direction'],
    [{ timestamp: undefined }, 'timestamp'],
    [{ doorway_id: {} }, 'doorway_id'],
  ])('rejects %o', (wrong, path) => {
    expect(adaptAll('density', {}, [json({ ...event, ...wrong })])[0]?.rejected).toMatchObject([{ path }]);
  });

  it('gives the two spaces of a doorway DPUs of their own', () => {
    const both = [event, { ...event, space_id: 't', direction: -1 }];
    expect(counted(adaptAll('density', {}, [json(both)]))).toEqual([
      'd/s  2026-11-03T08:00:00Z  1/0',
      'd/t  2026-11-03T08:00:00Z  0/1',
    ]);
  });
});

describe('Butlr', () => {
  const event = {
    id: 'e',
    type: 'TRAFFIC',
    timestamp: 1_793_694_632_000,
    metadata: { room_id: 'r' },
    data: { in: 1, out: 0 },
  };

  it.each([
    [{ data: { in: 1 } }, 'data.out'],
    [{ data: { in: '1.5', out: 0 } }, 'data.in'],
    [{ id: undefined }, 'id'],
    [{ timestamp: 'now' }, 'timestamp'],
    [{ type: undefined }, 'type'],
  ])('rejects %o', (wrong, path) => {
    expect(adaptAll('butlr', {}, [json({ ...event, ...wrong })])[0]?.rejected).toMatchObject([{ path }]);
  });

  it('belongs to the device of the URL if it names no place', () => {
    expect(adaptAll('butlr', {}, [json({ ...event, metadata: {} })])[0]?.readings[0]?.dpuId).toBe('device');
  });
});

describe('a time', () => {
  const of = (value: unknown, rules: TimeRules = {}): string =>
    new Date(timeOf(new Field(value, 'at'), rules)).toISOString();
  const BERLIN = clockOfZone('Europe/Berlin');

  it.each<[unknown, TimeRules, string]>([
    ['2026-11-03T11:50:47-5:00', {}, '2026-11-03T16:50:47.000Z'],
    ['2026-11-03T11:50:47-00:00', {}, '2026-11-03T11:50:47.000Z'],
    ['2026-11-03 11:50:47.123456789+0530', {}, '2026-11-03T06:20:47.123Z'],
    ['2026/11/3 1:05:00 +01', {}, '2026-11-03T00:05:00.000Z'],
    ['2026-11-03T11:50Z', {}, '2026-11-03T11:50:00.000Z'],
    ['2026-11-03T24:00:00Z', {}, '2026-11-04T00:00:00.000Z'],
    ['2026-11-03T11:50:47', { clock: BERLIN }, '2026-11-03T10:50:47.000Z'],
    ['20261103115047', { clock: BERLIN }, '2026-11-03T10:50:47.000Z'],
    [20261103115047, { clock: BERLIN }, '2026-11-03T10:50:47.000Z'],
    [
      '2026-11-03T11:50:47',
      { clock: clockOfOffset('UTC+8:00 China Standard Time (CT/CST)') },
      '2026-11-03T03:50:47.000Z',
    ],
    ['03.11.2026 11:50', { clock: BERLIN, order: 'dmy' }, '2026-11-03T10:50:00.000Z'],
    ['11/03/2026 11:50:00Z', { order: 'mdy' }, '2026-11-03T11:50:00.000Z'],
    [1_793_692_800, {}, '2026-11-03T08:00:00.000Z'],
    ['1793692800', {}, '2026-11-03T08:00:00.000Z'],
    [1_793_692_800.25, {}, '2026-11-03T08:00:00.250Z'],
    [1_793_692_800_000, {}, '2026-11-03T08:00:00.000Z'],
    [1_793_692_800, { unit: 'ms' }, '1970-01-21T18:14:52.800Z'],
    ['2028-02-29T00:00:00Z', {}, '2028-02-29T00:00:00.000Z'],
  ])('%o %o', (value, rules, expected) => {
    expect(of(value, rules)).toBe(expected);
  });

  it.each([
    [undefined, 'is missing: a time'],
    [null, 'is missing: a time'],
    ['', 'must be a time'],
    ['noon', 'must be a time'],
    [true, 'must be a time'],
    [-1, 'must be a time'],
    [NaN, 'must be a time'],
    [1e300, 'must be a time'],
    ['2026-02-29T00:00:00Z', 'is not a valid date and time'],
    ['2026-13-01T00:00:00Z', 'is not a valid date and time'],
    ['2026-11-03T24:00:01Z', 'is not a valid date and time'],
    ['2026-11-03T11:60:00Z', 'is not a valid date and time'],
    ['2026-11-03T11:00:00+16:00', 'is not a valid date and time'],
    ['2026-11-03T11:00:00', "has no offset from UTC: set the device's time_zone"],
    ['1969-12-31T23:59:59Z', 'is a time before 1970 or after 9999'],
    ['9999-12-31T23:59:59-01:00', 'is a time before 1970 or after 9999'],
    ['03/11/26 11:50:00Z', 'is not a valid date and time'],
  ])('cannot be %o', (value, detail) => {
    expect(() => of(value)).toThrow(detail);
  });
});

describe('the name of a DPU', () => {
  it.each([
    [undefined, '84:9a:40:aa:50:01', '1', '84:9a:40:aa:50:01/1'],
    [undefined, 'S', undefined, 'S'],
    ['S', undefined, undefined, 'S'],
    ['S', 'S', '1', 'S/1'],
    ['gateway', 'S', '1', 'gateway/S/1'],
    ['gateway', 'S', undefined, 'gateway/S'],
    [undefined, ' S', 'a ', '%20S/a%20'],
    [undefined, 'S', 'Main door', 'S/Main%20door'],
    [undefined, 'a/b', 'c/d', 'a%2Fb/c%2Fd'],
    [undefined, 'S', '100%', 'S/100%25'],
    [undefined, 'Tür', '\u0000', 'T%C3%BCr/%00'],
  ])('of %o, %o at %o is %o', (transport, device, line, name) => {
    expect(dpuNameOf(transport, device, line)).toBe(name);
  });

  it('is missing where neither the transport nor the payload names a device', () => {
    expect(() => dpuNameOf(undefined, '', '1')).toThrow('names no device');
  });

  it('is not longer than ids may be', () => {
    expect(dpuNameOf(undefined, 'x'.repeat(126), '1')).toHaveLength(128);
    expect(() => dpuNameOf(undefined, 'x'.repeat(127), '1')).toThrow('128');
  });
});

describe('decoding', () => {
  it('finds fields of the payload only', () => {
    expect(new Field({}).get('constructor').exists).toBe(false);
    expect(new Field([1]).get('length').exists).toBe(false);
    expect(new Field(JSON.parse('{"__proto__":{"a":1}}')).get('a').exists).toBe(false);
  });

  it.each([
    ['', 'is empty'],
    ['\0\0', 'is empty'],
    ['{', 'is not JSON'],
    ['{"a":1}\n{', 'is not JSON'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'has more than 64 levels'],
    [`"${'a'.repeat(1_048_576)}"`, 'has more than 1048576 bytes'],
  ])('of %.20s says what is wrong', (text, detail) => {
    expect(adaptAll('density', {}, [{ payload: Buffer.from(text) }])[0]?.rejected[0]?.detail).toContain(detail);
  });

  it('takes documents line by line, a byte order mark and a trailing NUL', () => {
    const event = (second: number): string =>
      JSON.stringify({ doorway_id: 'd', direction: '1', timestamp: `2026-11-03T08:00:0${second}Z` });
    const payload = Buffer.from(`\uFEFF${event(1)}\r\n${event(2)}\n\0`);
    expect(counted(adaptAll('density', {}, [{ payload }]))).toEqual([
      'd  2026-11-03T08:00:01Z  1/0',
      'd  2026-11-03T08:00:02Z  1/0',
    ]);
  });
});

// Milesight: what is pushed, and the decoded objects of LoRaWAN uplinks.
import { describe, expect, it } from 'vitest';
import { adaptAll, counted, json } from '../../support/device-samples.ts';

const TIMES = {
  start_time: '2026-11-03T20:20:00+08:00',
  end_time: '2026-11-03T20:21:00+08:00',
  time: '2026-11-03T20:20:30+08:00',
};

function push(parts: object, time: object = TIMES): ReturnType<typeof json> {
  return json({ device_info: { device_sn: 'SN' }, time_info: time, ...parts });
}

const line = (n: number, entrances: unknown, exits: unknown): object => ({
  line: n,
  total: { in: entrances, out: exits },
});

describe('pushed counts', () => {
  it('of several people in one event count them all, and none where nobody passed', () => {
    const message = push({ line_trigger_data: [line(1, 27, 26), line(2, 0, 0)] });
    expect(counted(adaptAll('milesight', { counter: 'event' }, [message]))).toEqual([
      'SN/1  2026-11-03T12:20:30Z  27/26',
    ]);
  });

  it('of groups, children and staff are parts of the total', () => {
    const one = { ...line(1, 5, 4), group: { in: 2, out: 1 }, children: { in: 1, out: 0 }, staff: { in: 1, out: 1 } };
    expect(counted(adaptAll('milesight', {}, [push({ line_periodic_data: [one] })]))).toEqual([
      'SN/1  2026-11-03T12:20:00Z  2026-11-03T12:21:00Z  5/4',
    ]);
  });

  it('are rejected one by one, with their paths', () => {
    const message = push({ line_periodic_data: [line(1, 1.5, 0), line(2, 1, null), line(3, 1, 2)] });
    const [adapted] = adaptAll('milesight', {}, [message]);
    expect(adapted?.readings).toHaveLength(1);
    expect(adapted?.rejected.map(({ path }) => path)).toEqual([
      'line_periodic_data[0].total.in',
      'line_periodic_data[1].total.out',
    ]);
  });

  it('without a time are rejected', () => {
    const [adapted] = adaptAll('milesight', {}, [push({ line_periodic_data: [line(1, 1, 0)] }, {})]);
    expect(adapted?.rejected).toEqual([{ path: 'time_info.start_time', detail: 'is missing: a time' }]);
  });

  it('of an older device have local times with the offset beside them', () => {
    const message = push(
      {
        event: 'Line Crossing People Counting',
        in_counted: 4,
        out_counted: 1,
        total_data: { in_cumulative_counted: 9, out_cumulative_counted: 8 },
      },
      { timezone: 'UTC+8:00', start_time: '2026/11/03 18:15:52', end_time: '2026/11/03 19:15:52' },
    );
    expect(counted(adaptAll('milesight', {}, [message]))).toEqual([
      'SN/1  2026-11-03T10:15:52Z  2026-11-03T11:15:52Z  4/1',
    ]);
    expect(counted(adaptAll('milesight', { counter: 'total' }, [message]))).toEqual([
      'SN/1  2026-11-03T11:15:52Z  baseline 9/8',
    ]);
  });
});

function uplink(object: unknown, more: object = {}): ReturnType<typeof json> {
  return json({ time: '2026-11-03T10:00:00+00:00', deviceInfo: { devEui: 'e' }, data: 'AQ==', object, ...more });
}

describe('uplinks', () => {
  it.each([
    ['flat lines', { line_1_period_in: 1, line_1_period_out: 2, line_1_child_period_in: 1 }, ['e/1  1/2']],
    ['nested lines', { line_2: { period_in: 1, period_out: 2, total_in: 7, total_out: 7 } }, ['e/2  1/2']],
    ['one line', { period_in: 1, period_out: 2, total_in: 7, total_out: 7, battery: 90 }, ['e  1/2']],
    [
      'people',
      { people_in: 1, people_out: 2, people_count_all: 5, people_total_in: 7, people_total_out: 7 },
      ['e  1/2'],
    ],
    [
      'VS132',
      { periodic_counter_in: 1, periodic_counter_out: 2, total_counter_in: 7, total_counter_out: 7 },
      ['e  1/2'],
    ],
    [
      'regions only',
      { region_1: 1, region_1_count: 5, people_count_max: 3, line_in: 4, line_out: 4, in: 1, out: 1 },
      [],
    ],
  ])('with %s', (_, object, lines) => {
    const shown = counted(adaptAll('chirpstack', {}, [uplink(object)]));
    expect(shown.map((text) => text.replace('2026-11-03T10:00:00Z  ', ''))).toEqual(lines);
  });

  it('whose alarm cut the period short do not count it, but the total', () => {
    const message = uplink({
      period_in: 5,
      period_out: 0,
      period_count_alarm: 'threshold alarm',
      total_in: 9,
      total_out: 4,
    });
    expect(adaptAll('chirpstack', {}, [message])[0]?.readings).toEqual([]);
    expect(counted(adaptAll('chirpstack', { counter: 'total' }, [message]))).toHaveLength(1);
  });

  it('are rejected where half of a count is missing, or is negative', () => {
    const [adapted] = adaptAll('chirpstack', {}, [uplink({ line_1_period_in: 1, people_in: -3, people_out: 1 })]);
    expect(adapted?.rejected).toEqual([
      { path: 'object.line_1_period_in', detail: 'comes without its out' },
      { path: 'object.people_in', detail: 'must be a whole number, at least 0' },
    ]);
  });

  it('with a history put the entries of one instant together', () => {
    const history = [
      { timestamp: 1_793_689_800, line_1_total_in: 5 },
      { timestamp: 1_793_689_800, line_1_total_out: 4 },
      { timestamp: 1_793_690_400, line_1_total_in: 6, line_1_total_out: 4 },
      { timestamp: 'x', line_1_total_in: 6, line_1_total_out: 4 },
    ];
    const [adapted] = adaptAll('chirpstack', { counter: 'total' }, [uplink({ history })]);
    expect(counted([adapted!])).toEqual(['e/1  2026-11-03T07:10:00Z  baseline 5/4', 'e/1  2026-11-03T07:20:00Z  1/0']);
    expect(adapted?.rejected.map(({ path }) => path)).toEqual(['object.history[3].timestamp']);
    expect(adaptAll('chirpstack', { counter: 'total', history: false }, [uplink({ history })])[0]).toMatchObject({
      readings: [],
      skipped: [{ path: 'object.history' }],
    });
  });

  it('carry the time of the device where it sends one', () => {
    const message = uplink({ timestamp: 1_793_689_800, period_in: 1, period_out: 0 });
    expect(counted(adaptAll('chirpstack', {}, [message]))).toEqual(['e  2026-11-03T07:10:00Z  1/0']);
  });

  it('of ChirpStack 3 name the device in Base64 and may have the object as text', () => {
    const message = json({
      devEUI: 'JOEkqgAAATM=',
      data: 'AQ==',
      rxInfo: [{ time: '2026-11-03T10:00:00Z' }],
      objectJSON: '{"period_in":1,"period_out":0}',
    });
    expect(counted(adaptAll('chirpstack', {}, [message]))).toEqual(['24e124aa00000133  2026-11-03T10:00:00Z  1/0']);
  });

  it('without any time count at their arrival', () => {
    const message = json({ deviceInfo: { devEui: 'e' }, object: { period_in: 1, period_out: 0 } });
    expect(adaptAll('chirpstack', { report_interval_s: 600 }, [message])[0]?.readings[0]?.reading).toEqual({
      timestampMs: null,
      entrances: 1,
      exits: 0,
    });
  });

  it('of other events are nothing to count', () => {
    const messages = [
      {
        payload: json({ batteryLevel: 90, margin: 5 }).payload,
        context: { topic: 'application/1/device/e/event/status' },
      },
      {
        payload: uplink({ period_in: 1, period_out: 1 }).payload,
        context: { topic: 'application/1/device/e/event/log' },
      },
      uplink(undefined, { data: '' }),
    ];
    expect(adaptAll('chirpstack', {}, messages)).toEqual(
      messages.map(() => ({ readings: [], rejected: [], skipped: [] })),
    );
  });
});

describe('messages of The Things Stack', () => {
  const ids = { device_id: 'door', dev_eui: 'E' };
  const received = { received_at: '2026-11-03T10:00:00Z' };

  it.each([
    ['decoded', { frm_payload: 'AQ==', decoded_payload: { period_in: 1, period_out: 0 }, ...received }, {}, 1, 0],
    ['undecoded', { frm_payload: 'AQ==', ...received }, {}, 0, 1],
    ['empty', { ...received }, {}, 0, 0],
    ['simulated', { decoded_payload: { period_in: 1, period_out: 0 }, ...received }, { simulated: true }, 0, 0],
  ])('%s', (_, uplink_message, more, readings, rejected) => {
    for (const document of [
      { end_device_ids: ids, uplink_message, ...more },
      { result: { end_device_ids: ids, uplink_message, ...more } },
    ]) {
      const [adapted] = adaptAll('ttn', {}, [json(document)]);
      expect([adapted?.readings.length, adapted?.rejected.length]).toEqual([readings, rejected]);
    }
  });

  it('that are joins or downlinks are nothing to count', () => {
    const [adapted] = adaptAll('ttn', {}, [json({ end_device_ids: ids, join_accept: {} })]);
    expect(adapted).toEqual({ readings: [], rejected: [], skipped: [] });
  });
});

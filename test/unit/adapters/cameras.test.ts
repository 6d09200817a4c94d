// Hikvision and Axis.
import { describe, expect, it } from 'vitest';
import { adaptAll, counted, json, type Message } from '../../support/device-samples.ts';

const xml = (text: string): Message => ({ payload: Buffer.from(text) });

function alert(counting: string, more = ''): string {
  return `<EventNotificationAlert><macAddress>m</macAddress><channelID>2</channelID><dateTime>2026-11-03T10:00:00Z</dateTime>
    <eventType>PeopleCounting</eventType>${more}<peopleCounting>${counting}</peopleCounting></EventNotificationAlert>`;
}

const WINDOW =
  '<statisticalMethods>timeRange</statisticalMethods><TimeRange><startTime>2026-11-03T09:45:00Z</startTime><endTime>2026-11-03T10:00:00Z</endTime></TimeRange>';
const WINDOW_SHOWN = 'm/2  2026-11-03T09:45:00Z  2026-11-03T10:00:00Z';

describe('Hikvision alerts', () => {
  it.each([
    [
      'with a namespace prefix',
      alert(`${WINDOW}<enter>1</enter><exit>2</exit>`).replaceAll(/<(\/?)(?=[A-Za-z])/g, '<$1x:'),
    ],
    ['with other capitals', alert(`${WINDOW}<Enter>1</Enter><EXIT>2</EXIT>`).replaceAll('TimeRange', 'timerange')],
    [
      'with attributes and a comment',
      `<?xml version="1.0"?><!-- c -->${alert(`${WINDOW}<enter a="9">1</enter><exit>2</exit>`)}`,
    ],
    ['without a method', alert(`${WINDOW.replace(/<stat.*ds>/, '')}<enter>1</enter><exit>2</exit>`)],
    [
      'with passers-by and children',
      alert(
        `${WINDOW}<enter>1</enter><exit>2</exit><pass>9</pass>`,
        '<childCounting><enter>1</enter><exit>1</exit></childCounting>',
      ),
    ],
    ['after a byte order mark', `\uFEFF${alert(`${WINDOW}<enter>1</enter><exit>2</exit>`)}`],
  ])('%s count', (_, text) => {
    expect(counted(adaptAll('hikvision', {}, [xml(text)]))).toEqual([`${WINDOW_SHOWN}  1/2`]);
  });

  it('may come as JSON', () => {
    const document = {
      macAddress: 'm',
      channelID: 2,
      eventType: 'peopleCounting',
      peopleCounting: {
        statisticalMethods: 'timeRange',
        TimeRange: { startTime: '2026-11-03T09:45:00Z', endTime: '2026-11-03T10:00:00Z' },
        enter: 1,
        exit: 2,
      },
    };
    for (const form of [document, { EventNotificationAlert: document }])
      expect(counted(adaptAll('hikvision', {}, [json(form)]))).toEqual([`${WINDOW_SHOWN}  1/2`]);
  });

  it('count regions in place of the channel, where that is chosen or there is nothing else', () => {
    const regions = `<RegionList><Region><id>1</id><enter>1</enter><exit>0</exit></Region><Region><id>3</id><enter>0</enter><exit>2</exit></Region></RegionList>`;
    const both = xml(alert(`${WINDOW}<enter>1</enter><exit>2</exit>${regions}`));
    const shown = [`${WINDOW_SHOWN}  1/0`, `${WINDOW_SHOWN}  0/2`].map((text, at) =>
      text.replace('m/2', `m/2-${[1, 3][at]}`),
    );
    expect(counted(adaptAll('hikvision', {}, [both]))).toEqual([`${WINDOW_SHOWN}  1/2`]);
    expect(counted(adaptAll('hikvision', { regions: true }, [both]))).toEqual(shown);
    expect(counted(adaptAll('hikvision', {}, [xml(alert(`${WINDOW}${regions}`))]))).toEqual(shown);
  });

  it('in a multipart body count each, whatever the part is called, and pictures do not', () => {
    const part = (body: string, type = ''): string =>
      `--b\r\nContent-Disposition: form-data; name="x"${type}\r\n\r\n${body}\r\n`;
    const later = alert(`${WINDOW.replaceAll('T09', 'T10').replace('T10:00', 'T11:00')}<enter>4</enter><exit>0</exit>`);
    const body = `${part(alert(`${WINDOW}<enter>1</enter><exit>2</exit>`))}${part('\xFF\xD8picture', '\r\nContent-Type: image/jpeg')}${part(later)}--b--`;
    const payload = Buffer.from(body, 'latin1');
    for (const contentType of [
      'multipart/mixed; boundary=b',
      'Multipart/Form-Data;boundary="b"',
      undefined,
      'application/xml',
    ])
      expect(
        counted(adaptAll('hikvision', {}, [{ payload, context: contentType === undefined ? {} : { contentType } }])),
      ).toHaveLength(2);
  });

  it.each([
    ['with line feeds alone', (body: string) => body.replaceAll('\r\n', '\n')],
    ['that is a part of an endless stream', (body: string) => body.replace(/--b--$/, '--b\r\n')],
    ['that ends after a part', (body: string) => body.replace(/\r\n--b--$/, '')],
    ['with something before it', (body: string) => `ignored\r\n${body}`],
  ])('in a multipart body %s count', (_, change) => {
    const body = `--b\r\nContent-Type: application/xml\r\n\r\n${alert(`${WINDOW}<enter>1</enter><exit>2</exit>`)}\r\n--b--`;
    const message = { payload: Buffer.from(change(body)), context: { contentType: 'multipart/mixed; boundary=b' } };
    expect(adaptAll('hikvision', {}, [message])[0]?.rejected).toEqual([]);
    expect(counted(adaptAll('hikvision', {}, [message]))).toEqual([`${WINDOW_SHOWN}  1/2`]);
  });

  it('are rejected with what is wrong', () => {
    const rejected = (text: string): unknown => adaptAll('hikvision', {}, [xml(text)])[0]?.rejected;
    expect(rejected(alert(`${WINDOW}<enter>1</enter>`))).toEqual(
      [{ path: 'peopleCounting.exit', detail: 'is missing: a number of people' }].map(({ path, detail }) => ({
        path: `EventNotificationAlert.${path}`,
        detail,
      })),
    );
    expect(rejected(alert(`${WINDOW}<enter>-1</enter><exit>0</exit>`))).toMatchObject([
      { path: expect.stringMatching(/enter$/) as string },
    ]);
    expect(rejected(alert(`${WINDOW.replace('T10:00', 'T25:00')}<enter>1</enter><exit>0</exit>`))).toMatchObject([
      { path: expect.stringMatching(/endTime$/) as string },
    ]);
    expect(rejected('<a><b></a>')).toMatchObject([{ detail: expect.stringContaining('is not XML') as string }]);
    expect(rejected('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).toMatchObject([
      { detail: expect.stringContaining('document type') as string },
    ]);
    expect(rejected(`${'--b\r\n\r\n<a/>\r\n'.repeat(51)}--b--`)).toMatchObject([
      { detail: expect.stringContaining('is not multipart') as string },
    ]);
  });

  it('end their interval after they start it', () => {
    const backwards = alert(`${WINDOW.replace('startTime>2026', 'startTime>2027')}<enter>1</enter><exit>0</exit>`);
    expect(adaptAll('hikvision', {}, [xml(backwards)])[0]?.rejected).toMatchObject([
      { detail: 'an interval that ends before it starts' },
    ]);
  });
});

describe('Hikvision search results', () => {
  const result = (end: string): Message =>
    xml(`<CountingStatisticsResult><matchList><matchElement><timeSpan><startTime>2026-11-03T08:00:00</startTime><endTime>${end}</endTime></timeSpan>
      <enterCount>1</enterCount><exitCount>2</exitCount></matchElement></matchList></CountingStatisticsResult>`);

  it('need the zone of the camera', () => {
    expect(adaptAll('hikvision', {}, [result('2026-11-03T08:59:59')])[0]?.rejected).toMatchObject([
      { detail: "has no offset from UTC: set the device's time_zone" },
    ]);
  });

  it('do not count an interval that is not over', () => {
    const messages = [{ ...result('2026-11-03T08:59:59'), context: { arrivalMs: Date.UTC(2026, 10, 3, 8, 30) } }];
    expect(adaptAll('hikvision', { time_zone: 'UTC' }, messages)[0]).toMatchObject({ readings: [], skipped: [{}] });
  });
});

describe('Axis object analytics', () => {
  const topic = 'axis/ACCC8EAA0001/event/CameraApplicationPlatform/ObjectAnalytics/Device1Scenario1';
  const event = (data: object, more: object = {}): object => ({
    timestamp: Date.UTC(2026, 10, 3),
    message: { data },
    ...more,
  });
  const human = { startTime: '2026-11-03T00:00:00Z', reason: 'human', total: '9', totalHuman: '5' };
  const run = (document: object, at = topic, options = {}): ReturnType<typeof adaptAll>[number] =>
    adaptAll('axis-aoa', options, [{ ...json(document), context: { topic: at } }])[0]!;

  it('tells two people of one millisecond apart by the standing', () => {
    const ids = [human, { ...human, totalHuman: 6 }].map((data) => run(event(data)).readings[0]?.reading.id);
    expect(ids).toEqual(['5', '6']);
  });

  it('restarts its totals where they were reset, also when they have grown since', () => {
    expect(run(event(human), topic, { counter: 'total' }).readings[0]?.reading).toEqual({
      timestampMs: Date.UTC(2026, 10, 3),
      totalEntrances: 5,
      totalExits: 0,
      counterEpoch: '2026-11-03T00:00:00Z',
    });
  });

  it('takes the camera from the message, the topic or the transport', () => {
    expect(run(event(human, { serial: 'B' })).readings[0]?.dpuId).toBe('B/1');
    expect(run(event(human)).readings[0]?.dpuId).toBe('ACCC8EAA0001/1');
    expect(run(event(human), 'x/ObjectAnalytics/Device1Scenario12').readings[0]?.dpuId).toBe('device/12');
    expect(run(event(human), topic.replace('Device1', 'Device2')).readings[0]?.dpuId).toBe('ACCC8EAA0001/2.1');
    const named = { topic: 'axis:CameraApplicationPlatform/ObjectAnalytics/Device1Scenario4' };
    expect(run(event(human, named), 'ingest/axis-aoa/x').readings[0]?.dpuId).toBe('device/4');
  });

  it('reads what a bridge wrapped, with text or JSON inside', () => {
    for (const payload of [event(human), JSON.stringify(event(human))])
      expect(run({ topic, payload, retain: false }, '').readings[0]?.dpuId).toBe('ACCC8EAA0001/1');
    expect(run({ topic, payload: event(human), retain: true }, '').readings).toEqual([]);
  });

  it.each(['Interval', 'Threshold', 'Passthrough'])('does not count %s', (kind) => {
    expect(run(event(human), `${topic}${kind}`)).toEqual({ readings: [], rejected: [], skipped: [] });
  });

  it('does not count cars and occupancy, and rejects a crossing of an unknown kind of object', () => {
    expect(run(event({ ...human, reason: 'car' })).readings).toEqual([]);
    expect(run(event({ total: '3', totalHuman: '3' }))).toEqual({ readings: [], rejected: [], skipped: [] });
    expect(run(event({ ...human, reason: undefined })).rejected).toMatchObject([{ path: 'message.data.reason' }]);
    expect(run(event({ ...human, totalHuman: '5x' })).rejected).toMatchObject([{ path: 'message.data.totalHuman' }]);
  });
});

describe('Axis people counters', () => {
  const run = (
    document: object,
    options = {},
    arrivalMs = Date.UTC(2026, 10, 26),
  ): ReturnType<typeof adaptAll>[number] =>
    adaptAll('axis-people-counter', options, [{ ...json(document), context: { arrivalMs } }])[0]!;
  const ZONE = { time_zone: 'Europe/Zurich' };
  const exported = {
    counter: { serial: 'b8:a4:4f:aa:70:03', delta: 900 },
    data: { '20261103081500': [4, 2], '20261103083000': [1, 0] },
  };

  it('name the interval by its end, or by its start', () => {
    expect(counted([run(exported, ZONE)])[0]).toBe('B8A44FAA7003  2026-11-03T07:00:00Z  2026-11-03T07:15:00Z  4/2');
    expect(counted([run(exported, { ...ZONE, export_key: 'start' })])[0]).toBe(
      'B8A44FAA7003  2026-11-03T07:15:00Z  2026-11-03T07:30:00Z  4/2',
    );
  });

  it('count an interval only when it is over', () => {
    const { readings, skipped } = run(exported, ZONE, Date.UTC(2026, 10, 3, 7, 20));
    expect(readings).toHaveLength(1);
    expect(skipped).toMatchObject([{ path: 'data.20261103083000' }]);
  });

  it('refuse local times without a zone', () => {
    expect(run(exported).rejected.map(({ path }) => path)).toEqual(['data.20261103081500', 'data.20261103083000']);
  });

  it('take an hour that the clock shows twice as the first', () => {
    const night = { serial: 'S', timestamp: '20261025023000', in: 1, out: 1 };
    expect(counted([run(night, ZONE)])).toEqual(['S  2026-10-25T00:30:00Z  baseline 1/1']);
  });

  it('say when there is no data, which is not 0', () => {
    const bins = {
      data: [{ start: '2026-11-03 08:00:00', end: '2026-11-03 09:00:00', in: null, out: null, adults_in: null }],
    };
    expect(run(bins, ZONE)).toMatchObject({ readings: [], rejected: [], skipped: [{ path: 'data[0]' }] });
  });

  it('do not add adults to the people they are part of, and use them where there is nothing else', () => {
    const bin = { start: '2026-11-03 08:00:00', end: '2026-11-03 09:00:00' };
    const bins = {
      data: [
        { ...bin, in: 3, out: 2, adults_in: 2, adults_out: 2 },
        { ...bin, start: '2026-11-03 08:30:00', adults_in: 1, adults_out: 0 },
      ],
    };
    expect(counted([run(bins, ZONE)]).map((text) => text.split('  ').at(-1))).toEqual(['3/2', '1/0']);
  });

  it('can be told which of the formats counts', () => {
    const sum = { serial: 'S', timestamp: '20261103023000', in: 1, out: 1 };
    expect(run(sum, { ...ZONE, counter: 'interval' })).toMatchObject({ readings: [], skipped: [{}] });
    expect(run(exported, { ...ZONE, counter: 'total' })).toMatchObject({ readings: [], skipped: [{}] });
  });

  it('count only counters of people, in both directions', () => {
    const [utcFrom, utcTo] = ['2026-11-03T07:00:00Z', '2026-11-03T07:15:00Z'];
    const items = [
      { direction: 'in', count: 3 },
      { direction: 'out', count: 1 },
    ];
    const push = {
      apiName: 'Axis Retail Data',
      sensor: { serial: 'B8A44FAA7003' },
      data: {
        measurements: [
          { kind: 'queue-length', utcFrom, utcTo, items },
          { kind: 'people-counts', utcFrom, utcTo, items },
        ],
      },
    };
    expect(counted([run(push)])).toEqual(['B8A44FAA7003  2026-11-03T07:00:00Z  2026-11-03T07:15:00Z  3/1']);
    const types = (...names: string[]): object => ({ ...exported, counter: { ...exported.counter, types: names } });
    expect(
      counted([run(types('Out', 'IN'), ZONE)])[0]
        ?.split('  ')
        .at(-1),
    ).toBe('2/4');
    expect(run(types('adults', 'children'), ZONE)).toMatchObject({ readings: [], skipped: [{ path: 'counter' }] });
  });

  it('are rejected when a list of counts is something else', () => {
    const wrong = { ...exported, data: { '20261103081500': 7, '20261103083000': [1] } };
    expect(run(wrong, ZONE).rejected.map(({ path }) => path)).toEqual(['data.20261103081500', 'data.20261103083000']);
    const push = { apiName: 'Axis Retail Data', data: { measurements: [{ items: 3 }] } };
    expect(run(push).rejected.map(({ path }) => path)).toEqual(['data.measurements[0].items']);
    expect(adaptAll('axis-people-counter', ZONE, [xml('a;b\n1;2')])[0]?.rejected).toMatchObject([{ path: 'header' }]);
  });
});

// Hikvision and Axis.
import type { Sample } from './sample.ts';

const HIK = '84:9a:40:aa:50:01';

export const CAMERA_SAMPLES: readonly Sample[] = [
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-1.xml',
    options: { counter: 'total' },
    counts: [`${HIK}/1  2026-11-03T16:50:47Z  baseline 70/75`],
  },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-2.xml',
    options: { counter: 'total' },
    counts: [`${HIK}/1  2026-11-03T16:52:03Z  baseline 71/75`],
  },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-2.xml',
    counts: [],
    skipped: ['realtime alerts do not count unless counter is total'],
  },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-3.xml',
    counts: [`${HIK}/1  2026-11-03T16:45:00Z  2026-11-03T17:00:00Z  4/6`],
  },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-4.http',
    counts: ['44:47:cc:aa:51:01/1  2026-11-03T17:33:00Z  2026-11-03T17:35:00Z  2/1'],
  },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-5.xml',
    options: { counter: 'total' },
    counts: ['3c:1b:f8:aa:52:01/1  2026-11-03T04:27:24Z  baseline 15/14'],
  },
  { adapter: 'hikvision', file: 'hikvision-isapi/sample-6.xml', counts: [] },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-7.xml',
    options: { time_zone: 'Europe/Zurich' },
    counts: [
      'device/1  2026-11-03T07:00:00Z  2026-11-03T08:00:00Z  12/3',
      'device/1  2026-11-03T08:00:00Z  2026-11-03T09:00:00Z  31/20',
      'device/1  2026-11-03T09:00:00Z  2026-11-03T10:00:00Z  0/0',
    ],
  },
  {
    adapter: 'hikvision',
    file: 'hikvision-isapi/sample-8.xml',
    options: { counter: 'total' },
    counts: ['4c:bd:8f:aa:53:01/1  2026-11-03T05:57:35Z  baseline 167/454'],
  },
  {
    adapter: 'axis-aoa',
    file: 'axis-aoa-mqtt/sample-1.jsonl',
    options: { reversed: ['2'] },
    counts: [
      'B8A44FAA6001/1  2026-11-03T08:01:10.712Z  1/0',
      'B8A44FAA6001/1  2026-11-03T08:01:12.040Z  1/0',
      'B8A44FAA6001/1  2026-11-03T08:03:02.911Z  1/0',
    ],
  },
  {
    adapter: 'axis-aoa',
    file: 'axis-aoa-mqtt/sample-2.jsonl',
    options: { reversed: ['2'] },
    counts: [
      'B8A44FAA6002/1  2026-11-03T09:00:01.100Z  1/0',
      'B8A44FAA6002/2  2026-11-03T09:00:07.350Z  0/1',
      'B8A44FAA6002/2  2026-11-03T09:00:20Z  0/1',
      'B8A44FAA6002/1  2026-11-03T09:01:44.900Z  1/0',
    ],
  },
  {
    adapter: 'axis-aoa',
    file: 'axis-aoa-mqtt/sample-3.jsonl',
    counts: [
      'B8A44FAA6003/1  2026-11-03T23:58:01Z  1/0',
      'B8A44FAA6003/1  2026-11-04T06:12:44Z  1/0',
      'B8A44FAA6003/1  2026-11-04T06:12:50Z  1/0',
    ],
  },
  {
    adapter: 'axis-aoa',
    file: 'axis-aoa-mqtt/sample-3.jsonl',
    options: { counter: 'total' },
    counts: [
      'B8A44FAA6003/1  2026-11-03T23:58:01Z  baseline 310/0',
      'B8A44FAA6003/1  2026-11-04T06:12:44Z  1/0',
      'B8A44FAA6003/1  2026-11-04T06:12:50Z  1/0',
    ],
  },
  { adapter: 'axis-aoa', file: 'axis-aoa-mqtt/sample-4.jsonl', counts: [] },
  ...axisPeopleCounter(),
];

function axisPeopleCounter(): readonly Sample[] {
  const options = { time_zone: 'Europe/Zurich' };
  const day = '2026-11-03T';
  const counts: Readonly<Record<string, readonly string[]>> = {
    'sample-1.json': [`00408CAA7001  ${day}10:27:56Z  baseline 12/318`],
    'sample-2.json': [`00408CAA7001  ${day}10:32:56Z  baseline 15/320`],
    'sample-3.json': [`00408CAA7001  ${day}23:02:12Z  baseline 0/1`],
    'sample-4.json': [
      `ACCC8EAA7002  ${day}07:00:00Z  ${day}07:15:00Z  4/2`,
      `ACCC8EAA7002  ${day}07:15:00Z  ${day}07:30:00Z  0/0`,
      `ACCC8EAA7002  ${day}07:30:00Z  ${day}07:45:00Z  11/6`,
    ],
    'sample-5.json': [`B8A44FAA7003  ${day}08:14:00Z  ${day}08:15:00Z  3/2`],
    'sample-6.json': [
      `device  ${day}07:00:00Z  ${day}08:00:00Z  17/5`,
      `device  ${day}08:00:00Z  ${day}09:00:00Z  0/0`,
    ],
    'sample-7.csv': [
      'device  2026-11-02T23:00:00Z  2026-11-02T23:01:00Z  0/0',
      'device  2026-11-02T23:01:00Z  2026-11-02T23:02:00Z  2/0',
      'device  2026-11-02T23:02:00Z  2026-11-02T23:03:00Z  0/1',
    ],
    'sample-8.json': [`B8A44FAA7003  ${day}15:28:05Z  baseline 100/85`],
  };
  return Object.entries(counts).map(([file, lines]) => ({
    adapter: 'axis-people-counter',
    file: `axis-people-counter/${file}`,
    options,
    counts: lines,
  }));
}

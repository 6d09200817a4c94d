// Milesight, pushed and over LoRaWAN.
import type { Sample } from './sample.ts';

const MILESIGHT = '6537FAAA0001';

export const MILESIGHT_SAMPLES: readonly Sample[] = [
  {
    adapter: 'milesight',
    file: 'milesight-push-json/sample-1.json',
    options: { counter: 'event' },
    counts: [`${MILESIGHT}0001/1  2026-11-03T00:14:09Z  1/0`],
  },
  {
    adapter: 'milesight',
    file: 'milesight-push-json/sample-2.json',
    counts: [
      `${MILESIGHT}0001/1  2026-11-03T12:20:00Z  2026-11-03T12:21:00Z  3/1`,
      `${MILESIGHT}0001/2  2026-11-03T12:20:00Z  2026-11-03T12:21:00Z  0/2`,
    ],
    skipped: ['cumulative counts do not count unless counter is total'],
  },
  {
    adapter: 'milesight',
    file: 'milesight-push-json/sample-3.jsonl',
    counts: [
      `${MILESIGHT}0002/1  2026-11-03T09:00:00Z  2026-11-03T09:01:00Z  2/1`,
      `${MILESIGHT}0002/1  2026-11-03T09:01:00Z  2026-11-03T09:02:00Z  0/0`,
    ],
    skipped: [
      'triggered counts do not count unless counter is event',
      'cumulative counts do not count unless counter is total',
    ],
  },
  {
    adapter: 'milesight',
    file: 'milesight-push-json/sample-3.jsonl',
    options: { counter: 'event' },
    counts: [
      `${MILESIGHT}0002/1  2026-11-03T09:00:12Z  1/0`,
      `${MILESIGHT}0002/1  2026-11-03T09:00:33Z  1/0`,
      `${MILESIGHT}0002/1  2026-11-03T09:00:48Z  0/1`,
    ],
    skipped: [
      'counts of a period do not count unless counter is interval',
      'cumulative counts do not count unless counter is total',
    ],
  },
  {
    adapter: 'milesight',
    file: 'milesight-push-json/sample-4.jsonl',
    options: { counter: 'total' },
    counts: [
      `${MILESIGHT}0002/1  2026-11-03T23:00:00Z  baseline 812/805`,
      `${MILESIGHT}0002/1  2026-11-03T23:10:00Z  3/1`,
      `${MILESIGHT}0002/1  2026-11-03T23:20:00Z  4/1`,
    ],
  },
  {
    adapter: 'milesight',
    file: 'milesight-push-json/sample-5.json',
    counts: ['6767FAAA00020001/1  2026-11-03T06:40:00Z  2026-11-03T06:41:00Z  4/6'],
    skipped: ['cumulative counts do not count unless counter is total'],
  },
  { adapter: 'milesight', file: 'milesight-push-json/sample-6.json', counts: [] },
  { adapter: 'milesight', file: 'milesight-push-json/sample-7.json', counts: [] },
  {
    adapter: 'chirpstack',
    file: 'milesight-lorawan/sample-1.jsonl',
    options: { report_interval_s: 600 },
    counts: [
      ...line133('09:50:06.220Z', '10:00:06.220Z', ['5/7', '0/1']),
      ...line133('10:00:06.218Z', '10:10:06.218Z', ['8/3', '0/4']),
    ],
    skipped: ['totals do not count unless counter is total'],
  },
  {
    adapter: 'chirpstack',
    file: 'milesight-lorawan/sample-1.jsonl',
    options: { counter: 'total' },
    counts: [
      ...['72/200', '31/30', '0/0', '0/0'].map(
        (counts, line) => `24e124aa00000133/${line + 1}  2026-11-03T10:00:05.120Z  baseline ${counts}`,
      ),
      ...['8/3', '0/4', '0/0', '0/0'].map(
        (counts, line) => `24e124aa00000133/${line + 1}  2026-11-03T10:10:05.118Z  ${counts}`,
      ),
    ],
    skipped: ['intervals do not count unless counter is interval'],
  },
  {
    adapter: 'ttn',
    file: 'milesight-lorawan/sample-2.json',
    options: { report_interval_s: 600 },
    counts: ['24E124AA00000350  2026-11-03T10:20:01.101Z  2026-11-03T10:30:01.101Z  9/10'],
    skipped: ['totals do not count unless counter is total'],
  },
  {
    adapter: 'ttn',
    file: 'milesight-lorawan/sample-3.jsonl',
    options: { counter: 'total' },
    modulus: 65_536,
    counts: [
      '24E124AA00000351  2026-11-03T11:00:00.100Z  baseline 65530/120',
      '24E124AA00000351  2026-11-03T11:10:00.100Z  4/1',
      '24E124AA00000351  2026-11-03T11:20:00.100Z  5/4',
    ],
  },
  {
    adapter: 'chirpstack',
    file: 'milesight-lorawan/sample-4.json',
    options: { report_interval_s: 600 },
    counts: [
      '24e124aa00000352  2026-11-03T07:00:00Z  2026-11-03T07:10:00Z  11/4',
      '24e124aa00000352  2026-11-03T07:10:00Z  2026-11-03T07:20:00Z  7/2',
      '24e124aa00000352  2026-11-03T07:20:00Z  2026-11-03T07:30:00Z  0/0',
    ],
    skipped: ['totals do not count unless counter is total'],
  },
  {
    adapter: 'ttn',
    file: 'milesight-lorawan/sample-5.json',
    options: { report_interval_s: 600 },
    counts: ['24E124AA00000121  2026-11-03T11:50:02.101Z  2026-11-03T12:00:02.101Z  2/1'],
    skipped: ['totals do not count unless counter is total'],
  },
  { adapter: 'chirpstack', file: 'milesight-lorawan/sample-6.json', counts: [] },
  { adapter: 'chirpstack', file: 'milesight-lorawan/sample-7.json', counts: [], rejected: ['object'] },
  { adapter: 'chirpstack', file: 'milesight-lorawan/sample-8.json', counts: [] },
];

function line133(start: string, end: string, counts: readonly string[]): readonly string[] {
  return [...counts, '0/0', '0/0'].map(
    (count, line) => `24e124aa00000133/${line + 1}  2026-11-03T${start}  2026-11-03T${end}  ${count}`,
  );
}

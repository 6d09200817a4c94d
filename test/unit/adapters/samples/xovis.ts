// Xovis.
import type { Sample } from './sample.ts';

const XOVIS = '00:6E:02:AA:10:01';

export const XOVIS_SAMPLES: readonly Sample[] = [
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-1.json',
    options: { counter: 'event' },
    counts: ['device/2  2026-11-03T08:15:22.480Z  1/0'],
  },
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-2.json',
    options: { counter: 'event' },
    counts: [
      `${XOVIS}/2  2026-11-03T08:16:16.400Z  0/1`,
      `${XOVIS}/2  2026-11-03T08:16:38.960Z  1/0`,
      `${XOVIS}/2  2026-11-03T08:16:38.960Z  1/0`,
      `${XOVIS}/5  2026-11-03T08:16:53.360Z  1/0`,
    ],
  },
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-2.json',
    counts: [],
    skipped: ['line crossings in live data do not count unless counter is event'],
  },
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-2.json',
    options: { counter: 'logic_event' },
    counts: [`${XOVIS}/2  2026-11-03T08:16:19.360Z  0/1`],
  },
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-3.json',
    counts: [
      `${XOVIS}/2  2026-11-03T09:00:00Z  2026-11-03T09:01:00Z  3/1`,
      `${XOVIS}/2  2026-11-03T09:01:00Z  2026-11-03T09:02:00Z  0/0`,
      `${XOVIS}/2  2026-11-03T09:02:00Z  2026-11-03T09:03:00Z  2/4`,
      `${XOVIS}/2  2026-11-03T09:03:00Z  2026-11-03T09:04:00Z  1/0`,
      `${XOVIS}/4  2026-11-03T09:00:00Z  2026-11-03T09:01:00Z  5/2`,
      `${XOVIS}/4  2026-11-03T09:01:00Z  2026-11-03T09:02:00Z  0/1`,
      `${XOVIS}/4  2026-11-03T09:02:00Z  2026-11-03T09:03:00Z  0/0`,
      `${XOVIS}/4  2026-11-03T09:03:00Z  2026-11-03T09:04:00Z  4/4`,
    ],
  },
  { adapter: 'xovis', file: 'xovis-datapush5/sample-4.json', counts: [] },
  { adapter: 'xovis', file: 'xovis-datapush5/sample-5.json', counts: [] },
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-6.json',
    counts: [
      `${XOVIS}/2  2026-11-03T09:15:00Z  2026-11-03T09:30:00Z  14/9`,
      `${XOVIS}/2  2026-11-03T09:30:00Z  2026-11-03T09:45:00Z  6/3`,
    ],
    skipped: ['a record without samples: nothing was measured'],
  },
  {
    adapter: 'xovis',
    file: 'xovis-datapush5/sample-7.json',
    counts: [
      '80:1F:12:AA:20:01/0  2026-10-01T08:20:00Z  2026-10-01T08:21:00Z  4/1',
      '80:1F:12:AA:20:01/0  2026-10-01T08:21:00Z  2026-10-01T08:22:00Z  0/2',
      '80:1F:12:AA:20:01/1  2026-10-01T08:20:00Z  2026-10-01T08:21:00Z  1/0',
      '80:1F:12:AA:20:01/1  2026-10-01T08:21:00Z  2026-10-01T08:22:00Z  0/0',
    ],
  },
];

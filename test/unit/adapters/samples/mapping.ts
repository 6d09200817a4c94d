// Devices without an adapter of their own.
import type { Sample } from './sample.ts';

const MAPPINGS = {
  terabee: {
    kind: 'total',
    device: '$.device_id',
    time: '$.timestamp',
    time_unit: 's',
    entrances: '$.count_in',
    exits: '$.count_out',
  },
  vivotekJson: {
    kind: 'interval',
    items: "$.Data[?@.RuleType == 'Counting'].CountingInfo[*]",
    device: '$.Source.MacAddress',
    line: '@.RuleName',
    start: '@.StartTime',
    time: '@.EndTime',
    entrances: '@.In',
    exits: '@.Out',
  },
  vivotekCsv: {
    kind: 'interval',
    format: 'csv',
    preamble: true,
    items: "$.rows[?@.RuleType == 'Counting']",
    device: '$.preamble.MacAddress',
    line: '@.RuleName',
    start: '@.StartTime',
    time: '@.EndTime',
    entrances: '@.In',
    exits: '@.Out',
  },
  openDataCam: {
    kind: 'event',
    items: "$.counterHistory..[?@.countingDirection && @.name == 'person']",
    line: '@.area',
    lines: {
      '94aaaaaa-1d24-4011-a481-000000000001': 'door',
      '94aaaaaa-1d24-4011-a481-000000000002': 'side',
    },
    time: '@.timestamp',
    id: '@.id',
    direction: { path: '@.countingDirection', entrance: ['leftright_topbottom'], exit: ['rightleft_bottomtop'] },
  },
  openDataCamCsv: {
    kind: 'event',
    format: 'csv',
    items: "$.rows[?@.name == 'person']",
    line: '@.area',
    time: '@.timestamp',
    id: '@.id',
    direction: { path: '@.countingDirection', entrance: ['leftright_topbottom'], exit: ['rightleft_bottomtop'] },
  },
  openDataCamTitledCsv: {
    kind: 'event',
    format: 'csv',
    items: "$.rows[?@.ObjectClass == 'person']",
    line: "@['Counter area']",
    time: '@.Timestamp',
    id: '@.UniqueID',
    direction: { path: '@.CountingDirection', entrance: ['leftright_topbottom'], exit: ['rightleft_bottomtop'] },
  },
} as const;

const DOORS = [
  'cam/door  2026-11-03T08:00:04.811Z  1/0',
  'cam/door  2026-11-03T08:00:05.338Z  0/1',
  'cam/side  2026-11-03T08:00:07.900Z  1/0',
  'cam/door  2026-11-03T08:00:10.040Z  1/0',
];

export const MAPPING_SAMPLES: readonly Sample[] = [
  {
    adapter: 'mapping',
    file: 'terabee-xl-http/sample-1.jsonl',
    options: MAPPINGS.terabee,
    counts: [
      'FA21AAAA0001  2026-11-03T08:00:00Z  baseline 23/12',
      'FA21AAAA0001  2026-11-03T08:01:00Z  4/0',
      'FA21AAAA0001  2026-11-03T08:02:00Z  0/3',
    ],
  },
  {
    adapter: 'mapping',
    file: 'terabee-xl-http/sample-2.jsonl',
    options: MAPPINGS.terabee,
    counts: ['FA21AAAA0001  2026-11-03T09:00:00Z  baseline 140/131', 'FA21AAAA0001  2026-11-03T09:05:00Z  2/1'],
  },
  ...(['vivotekCsv', 'vivotekJson', 'vivotekCsv'] as const).map((mapping, index) => ({
    adapter: 'mapping',
    file: `vivotek-report-push/sample-${index + 1}.${index === 1 ? 'json' : 'csv'}`,
    options: MAPPINGS[mapping],
    counts: [
      [
        'Counting1  2026-11-03T06:15:00Z  2026-11-03T06:30:00Z  1/2',
        'Counting2  2026-11-03T06:15:00Z  2026-11-03T06:30:00Z  0/0',
      ],
      [
        'Counting1  2026-11-03T06:15:00Z  2026-11-03T06:30:00Z  1/2',
        'Counting2  2026-11-03T06:15:00Z  2026-11-03T06:30:00Z  0/2',
      ],
      [
        'Counting1  2026-11-03T07:00:00Z  2026-11-03T07:15:00Z  4/1',
        'Counting1  2026-11-03T07:30:00Z  2026-11-03T07:45:00Z  2/2',
        'Counting2  2026-11-03T07:45:00Z  2026-11-03T08:00:00Z  0/3',
      ],
    ][index]!.map((line) => `00:02:D1:AA:80:01/${line}`),
  })),
  {
    adapter: 'mapping',
    file: 'opendatacam-counter/sample-1.json',
    device: 'cam',
    options: MAPPINGS.openDataCam,
    counts: DOORS,
  },
  {
    adapter: 'mapping',
    file: 'opendatacam-counter/sample-2.json',
    device: 'cam',
    options: MAPPINGS.openDataCam,
    counts: DOORS.filter((line) => line.startsWith('cam/door')),
  },
  {
    adapter: 'mapping',
    file: 'opendatacam-counter/sample-3.csv',
    device: 'cam',
    options: MAPPINGS.openDataCamCsv,
    counts: DOORS,
  },
  {
    adapter: 'mapping',
    file: 'opendatacam-counter/sample-4.csv',
    device: 'cam',
    options: MAPPINGS.openDataCamTitledCsv,
    counts: DOORS,
  },
];

// Roode, Density and Butlr.
import type { Sample } from './sample.ts';

export const WEBHOOK_SAMPLES: readonly Sample[] = [
  {
    adapter: 'roode',
    file: 'esphome-roode-mqtt/sample-1.jsonl',
    device: 'roode32',
    counts: [
      'roode32  2026-11-03T08:00:01.412Z  1/0',
      'roode32  2026-11-03T08:00:31.203Z  1/0',
      'roode32  2026-11-03T08:04:10.052Z  0/1',
    ],
  },
  {
    adapter: 'roode',
    file: 'esphome-roode-mqtt/sample-2.jsonl',
    device: 'roode32',
    counts: [],
    skipped: ['a retained message: it was counted when it was published'],
  },
  {
    adapter: 'roode',
    file: 'esphome-roode-mqtt/sample-3.jsonl',
    device: 'roode32',
    counts: ['roode32  2026-11-03T10:00:00.003Z  0/1'],
    skipped: ['the last direction, repeated after a reconnect'],
  },
  {
    adapter: 'roode',
    file: 'esphome-roode-mqtt/sample-4.jsonl',
    device: 'roode32',
    counts: ['roode32  2026-11-03T11:00:00.004Z  0/1', 'roode32  2026-11-03T11:02:00.004Z  0/1'],
  },
  {
    adapter: 'roode',
    file: 'esphome-roode-mqtt/sample-5.jsonl',
    device: 'roode32',
    counts: ['roode32  2026-11-03T12:00:20.010Z  1/0'],
    skipped: ['the last direction, repeated after a reconnect'],
  },
  ...['2026-11-03T08:15:22.480Z  1/0', '2026-11-03T08:15:40.012Z  0/1', '2026-11-03T08:16:02.900Z  1/0'].map(
    (counts, index) => ({
      adapter: 'density',
      file: `density-v2-webhook/sample-${index + 1}.json`,
      counts: [`drw_demo001/spc_demo001  ${counts}`],
    }),
  ),
  {
    adapter: 'density',
    file: 'density-v2-webhook/sample-4.jsonl',
    counts: [
      'drw_demo001/spc_demo001  2026-11-03T08:17:00Z  1/0',
      'drw_demo001/spc_demo001  2026-11-03T08:17:01.250Z  0/1',
    ],
  },
  {
    adapter: 'butlr',
    file: 'butlr-webhook/sample-1.json',
    counts: ['room_demo0000000000000000000a1  2026-11-03T08:30:32Z  1/0'],
  },
  {
    adapter: 'butlr',
    file: 'butlr-webhook/sample-2.jsonl',
    counts: [
      'room_demo0000000000000000000a1  2026-11-03T08:31:02Z  0/1',
      'room_demo0000000000000000000a1  2026-11-03T08:30:58Z  2/0',
    ],
  },
  { adapter: 'butlr', file: 'butlr-webhook/sample-3.json', counts: [] },
  {
    adapter: 'butlr',
    file: 'butlr-webhook/sample-4.json',
    counts: ['space_demo000000000000000000001  2026-11-03T08:32:00Z  1/1'],
  },
];

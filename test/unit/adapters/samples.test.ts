// What real devices send, and what of it counts: every payload in test/data/devices.
import { describe, expect, it } from 'vitest';
import { adaptAll, allSamples, counted, messagesOf } from '../../support/device-samples.ts';
import { XOVIS_SAMPLES } from './samples/xovis.ts';
import { MILESIGHT_SAMPLES } from './samples/milesight.ts';
import { CAMERA_SAMPLES } from './samples/cameras.ts';
import { WEBHOOK_SAMPLES } from './samples/webhooks.ts';
import { MAPPING_SAMPLES } from './samples/mapping.ts';

const SAMPLES = [...XOVIS_SAMPLES, ...MILESIGHT_SAMPLES, ...CAMERA_SAMPLES, ...WEBHOOK_SAMPLES, ...MAPPING_SAMPLES];

describe('a payload of a device', () => {
  it.each(SAMPLES)('$adapter $file $options', (sample) => {
    const payloads = adaptAll(sample.adapter, sample.options, messagesOf(sample.file), sample.device);
    // The same reading twice counts once.
    expect([...new Set(identities(payloads))].length).toBe(sample.counts.length);
    expect(withoutRepeats(counted(payloads, sample.modulus), identities(payloads))).toEqual(sample.counts);
    expect(payloads.flatMap(({ rejected }) => rejected.map(({ path }) => path))).toEqual(sample.rejected ?? []);
    expect([...new Set(payloads.flatMap(({ skipped }) => skipped.map(({ detail }) => detail)))]).toEqual(
      sample.skipped ?? [],
    );
  });

  it('is tested, for every file of the folder', () => {
    const looked = new Set(SAMPLES.map(({ file }) => file));
    expect(allSamples().filter((file) => !looked.has(file))).toEqual([]);
  });

  it('counts the difference of standings that come in several payloads', () => {
    const messages = [1, 2, 3].flatMap((n) => messagesOf(`axis-people-counter/sample-${n}.json`));
    expect(counted(adaptAll('axis-people-counter', { time_zone: 'Europe/Zurich' }, messages)).slice(1)).toEqual([
      '00408CAA7001  2026-11-03T10:32:56Z  3/2',
      '00408CAA7001  2026-11-03T23:02:12Z  0/1',
    ]);
    const alerts = [1, 2].flatMap((n) => messagesOf(`hikvision-isapi/sample-${n}.xml`));
    expect(counted(adaptAll('hikvision', { counter: 'total' }, alerts)).slice(1)).toEqual([
      `84:9a:40:aa:50:01/1  2026-11-03T16:52:03Z  1/0`,
    ]);
  });
});

function identities(payloads: ReturnType<typeof adaptAll>): readonly string[] {
  return payloads.flatMap(({ readings }) => readings.map((reading) => JSON.stringify(reading)));
}

function withoutRepeats(lines: readonly string[], ids: readonly string[]): readonly string[] {
  return lines.filter((_, index) => ids.indexOf(ids[index] ?? '') === index);
}

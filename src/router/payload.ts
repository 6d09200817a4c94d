// What an adapter reads in an entry of READINGS that a device sent in a format of its own.
import type { AdaptedReading, Remark } from '../adapters/adapter.ts';
import { ADAPTERS } from '../adapters/adapters.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { dpuOfToken } from '../domain/ids.ts';

export type PayloadItem = { readonly adapted: AdaptedReading } | { readonly remark: Remark };

/** @returns what an entry holds; undefined for one that no adapter reads */
export type ReadPayload = (entry: StoredEntry) => readonly PayloadItem[] | undefined;

/** Subjects are `readings.<k>.<device>.<adapter>[.<the rest of an MQTT topic>]`. */
export function readPayload({ subject, data, timeMs }: StoredEntry): readonly PayloadItem[] | undefined {
  const [, , token, name = '', ...rest] = subject.split('.');
  const adapter = ADAPTERS.get(name);
  const device = adapter && dpuOfToken(token);
  if (!adapter || device === undefined) return undefined;
  const configured = adapter.configure({});
  if (!configured.ok) {
    const missing = configured.problems.map(({ path, detail }) => `${path} ${detail}`).join('; ');
    return [{ remark: { detail: `the adapter ${name} has no options for the device ${device}: ${missing}` } }];
  }
  const topic = ['ingest', name, device, ...rest].join('/');
  const { readings, rejected } = configured.adapt(data, { device, topic, arrivalMs: timeMs });
  return [...readings.map((adapted) => ({ adapted })), ...rejected.map((remark) => ({ remark }))];
}

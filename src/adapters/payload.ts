// What an adapter reads in an entry of READINGS that a device sent in a format of its own.
import type { AdaptedReading, Remark } from './adapter.ts';
import { ADAPTERS } from './adapters.ts';
import { configuredFor } from './configured.ts';
import { dpuOfToken } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';

export type PayloadItem = { readonly adapted: AdaptedReading } | { readonly remark: Remark };

/** @returns what an entry holds; undefined for one that no adapter reads */
export type ReadPayload = (entry: StoredEntry) => readonly PayloadItem[] | undefined;

/** Subjects are `readings.<k>.<device>.<adapter>[.<the rest of an MQTT topic>]`. */
export function isPayload({ subject }: Pick<StoredEntry, 'subject'>): boolean {
  return ADAPTERS.has(subject.split('.')[3] ?? '');
}

/**
 * Reads an entry as the device was configured when it was stored, whenever it is read: so a router that restarts makes
 * the same readings of it.
 * @param topology has all that was in the log when the entry was stored
 */
export function readPayload(
  { subject, data, timeMs }: Pick<StoredEntry, 'subject' | 'data' | 'timeMs'>,
  topology: Pick<TopologyHistory, 'deviceAt'>,
): readonly PayloadItem[] | undefined {
  const [, , token, name = '', ...rest] = subject.split('.');
  const device = ADAPTERS.has(name) ? dpuOfToken(token) : undefined;
  if (device === undefined) return undefined;
  const configured = configuredFor(topology, device, name, timeMs);
  if (!configured.ok) {
    const missing = configured.problems.map(({ path, detail }) => `${path} ${detail}`).join('; ');
    return [{ remark: { detail: `the device ${device} has no options for the adapter ${name}: ${missing}` } }];
  }
  const topic = ['ingest', name, device, ...rest].join('/');
  const { readings, rejected } = configured.adapt(data, { device, topic, arrivalMs: timeMs });
  return [...readings.map((adapted) => ({ adapted })), ...rejected.map((remark) => ({ remark }))];
}

// What an adapter reads in an entry of READINGS that a device sent in a format of its own.
import type { AdaptedReading, Remark } from './adapter.ts';
import { ADAPTERS } from './adapters.ts';
import { configuredFor } from './configured.ts';
import { entrySubjectOf } from '../domain/entry-subject.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';

export type PayloadItem = { readonly adapted: AdaptedReading } | { readonly remark: Remark };

/**
 * @returns the items of an entry; undefined if the entry is not for an adapter
 */
export type ReadPayload = (entry: StoredEntry) => readonly PayloadItem[] | undefined;

/** Subjects are `readings.<k>.<device>.<adapter>[.<the rest of an MQTT topic>]`. */
export function isPayload({ subject }: Pick<StoredEntry, 'subject'>): boolean {
  return ADAPTERS.has(entrySubjectOf(subject).levels[0] ?? '');
}

/**
 * Reads an entry with the configuration that the device had when the entry was stored. So a router that restarts
 * derives the same readings from it.
 * @param topology includes everything that was in the log when the entry was stored
 */
export function readPayload(
  { subject, data, timeMs }: Pick<StoredEntry, 'subject' | 'data' | 'timeMs'>,
  topology: Pick<TopologyHistory, 'deviceAt'>,
): readonly PayloadItem[] | undefined {
  const { dpuId: device, levels } = entrySubjectOf(subject);
  const name = levels[0] ?? '';
  if (device === undefined || !ADAPTERS.has(name)) return undefined;
  const configured = configuredFor(topology, device, name, timeMs);
  if (!configured.ok) {
    const missing = configured.problems.map(({ path, detail }) => `${path} ${detail}`).join('; ');
    return [{ remark: { detail: `the device ${device} has no options for the adapter ${name}: ${missing}` } }];
  }
  const topic = ['ingest', name, device, ...levels.slice(1)].join('/');
  const { readings, rejected } = configured.adapt(data, { device, topic, arrivalMs: timeMs });
  return [...readings.map((adapted) => ({ adapted })), ...rejected.map((remark) => ({ remark }))];
}

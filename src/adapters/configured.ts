// The configuration of a device when a payload was stored.
import type { DpuId } from '../domain/ids.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { Configured } from './adapter.ts';
import { ADAPTERS } from './adapters.ts';

const NO_ADAPTER: Configured = { ok: false, problems: [{ path: 'adapter', detail: 'is not known' }] };
/** Cached by the document of the device, because compiling its options for each payload would be slow. */
const configurations = new WeakMap<object, Configured>();
const defaults = new Map<string, Configured>();

/**
 * The adapter with the options that a device had at an instant.
 * @param topology includes everything that was stored before that instant
 */
export function configuredFor(
  topology: Pick<TopologyHistory, 'deviceAt'>,
  device: DpuId,
  name: string,
  atMs: number,
): Configured {
  const found = topology.deviceAt(device, atMs);
  if (found?.adapter !== name || found.options === null) return defaultsOf(name);
  let configured = configurations.get(found);
  if (!configured) configurations.set(found, (configured = ADAPTERS.get(name)?.configure(found.options) ?? NO_ADAPTER));
  return configured;
}

function defaultsOf(name: string): Configured {
  let configured = defaults.get(name);
  if (!configured) defaults.set(name, (configured = ADAPTERS.get(name)?.configure({}) ?? NO_ADAPTER));
  return configured;
}

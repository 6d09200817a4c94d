// Which options a device had when it sent a payload.
import type { DpuId } from '../domain/ids.ts';
import type { AdapterRecord } from '../domain/topology.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { Configured } from './adapter.ts';
import { ADAPTERS } from './adapters.ts';

const configurations = new WeakMap<object, Configured>();
const DEFAULTS = new Map<string, AdapterRecord>();

/** The adapter with the options that a device had at an instant. To compile them again for each payload would be slow. */
export function configuredFor(
  view: Pick<TopologyView, 'device'>,
  device: DpuId,
  name: string,
  atMs: number,
): Configured {
  const record =
    view.device(device)?.adapters.findLast(({ adapter, fromMs }) => adapter === name && fromMs <= atMs) ??
    defaultsOf(name);
  let configured = configurations.get(record);
  if (!configured) {
    configured = ADAPTERS.get(name)?.configure(record.options ?? {}) ?? NO_ADAPTER;
    configurations.set(record, configured);
  }
  return configured;
}

const NO_ADAPTER: Configured = { ok: false, problems: [{ path: 'adapter', detail: 'is not known' }] };

function defaultsOf(adapter: string): AdapterRecord {
  let record = DEFAULTS.get(adapter);
  if (!record) DEFAULTS.set(adapter, (record = { adapter, options: null, fromMs: 0 }));
  return record;
}

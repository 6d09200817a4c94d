// Finds the adapter that reads a device's payloads, from the messages that are still stored.
import { ADAPTERS } from '../adapters/adapters.ts';
import { Failure } from '../domain/failure.ts';
import type { DpuId } from '../domain/ids.ts';
import { kindOf } from '../domain/topic.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { PublishedTopics } from '../ports/readings-log.ts';
import { Slots } from '../runtime/slots.ts';

/** Concurrent look-ups, and how many more may wait: enough for four pages of a thousand devices. */
const [ASKED_AT_ONCE, WAITING_MAX] = [16, 4_000];

/** Shared by all requests, so that the limits apply to the process. */
export class AdaptersInUse {
  readonly #log: PublishedTopics;
  readonly #slots = new Slots(ASKED_AT_ONCE, WAITING_MAX);

  constructor(log: PublishedTopics) {
    this.#log = log;
  }

  /**
   * The adapter of each device's newest payload, even if the device has sent something else since, such as heartbeats.
   * Null if it sends readings itself. If its messages are gone, the adapter that its options are for, or null.
   * @throws Failure unavailable if too many look-ups are waiting
   */
  async of(devices: ReadonlySet<DpuId>, view: TopologyView): Promise<Map<DpuId, string | null>> {
    if (this.#slots.isFull)
      throw new Failure('unavailable', 'too many devices are being looked up at the moment', { retryAfterSeconds: 1 });
    const found = [...devices].map(async (device): Promise<[DpuId, string | null]> => [
      device,
      await this.#slots.run(() => this.#adapterOf(device, view)),
    ]);
    return new Map(await Promise.all(found));
  }

  async #adapterOf(device: DpuId, view: TopologyView): Promise<string | null> {
    const kinds = (await this.#log.topicsOf(device)).map((topic) => topic.split('.').slice(1));
    const adapters = new Set(kinds.flatMap(([name = '']) => (ADAPTERS.has(name) ? [name] : [])));
    const [adapter] = adapters;
    if (adapters.size > 1) return this.#newestOf(device, adapters);
    if (adapter !== undefined) return adapter;
    if (kinds.some((levels) => kindOf(levels) === 'readings')) return null;
    const configured = view.device(device);
    return configured?.deleted === false ? configured.adapter : null;
  }

  async #newestOf(device: DpuId, adapters: ReadonlySet<string>): Promise<string | null> {
    let newest: { readonly adapter: string; readonly seq: number } | undefined;
    for (const adapter of adapters) {
      const seq = await this.#log.newestPayloadSeq(device, adapter);
      if (!newest || seq > newest.seq) newest = { adapter, seq };
    }
    return newest?.adapter ?? null;
  }
}

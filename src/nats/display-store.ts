// Displays in a NATS key-value bucket, so that any process of the cluster can serve them. The bucket is created when it is first
// needed, so that a service whose NATS account lacks the permission starts all the same, without displays. Pending displays are keys that the
// server removes when they expire.
import { JetStreamApiCodes, JetStreamApiError, type JetStreamClient, StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { DisplayStore, PairedDisplay, PendingDisplay } from '../ports/displays.ts';

export const DISPLAYS_BUCKET = 'density_displays';
/** How long the server keeps the marker of a removed key. */
const MARKER_TTL_MS = 60_000;

type Kind = 'paired' | 'pending';

export class NatsDisplayStore implements DisplayStore {
  readonly #js: JetStreamClient;
  readonly #replicas: number;
  #opened: Promise<KV> | undefined;

  constructor(js: JetStreamClient, replicas: number) {
    this.#js = js;
    this.#replicas = replicas;
  }

  async paired(id: string): Promise<PairedDisplay | undefined> {
    return this.#get<PairedDisplay>(keyOf('paired', id));
  }

  async allPaired(): Promise<PairedDisplay[]> {
    return this.#all<PairedDisplay>('paired');
  }

  async pair(display: PairedDisplay): Promise<boolean> {
    return this.#use(async (kv) => {
      try {
        await kv.create(keyOf('paired', display.id), JSON.stringify(display));
        return true;
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence)
          return false;
        throw error;
      }
    });
  }

  async unpair(id: string): Promise<void> {
    await this.#remove(keyOf('paired', id));
  }

  async pending(id: string): Promise<PendingDisplay | undefined> {
    return this.#get<PendingDisplay>(keyOf('pending', id));
  }

  async allPending(): Promise<PendingDisplay[]> {
    return this.#all<PendingDisplay>('pending');
  }

  async addPending(display: PendingDisplay, keptMs: number): Promise<void> {
    const ttl = `${Math.ceil(keptMs / 1_000)}s`;
    await this.#use(async (kv) => kv.create(keyOf('pending', display.id), JSON.stringify(display), ttl));
  }

  async removePending(id: string): Promise<void> {
    await this.#remove(keyOf('pending', id));
  }

  async #get<T>(key: string): Promise<T | undefined> {
    const entry = await this.#use(async (kv) => kv.get(key));
    return entry?.operation === 'PUT' ? entry.json<T>() : undefined;
  }

  async #all<T>(kind: Kind): Promise<T[]> {
    const keys = await this.#use(async (kv) => {
      const found: string[] = [];
      for await (const key of await kv.keys(keyOf(kind, '*'))) found.push(key);
      return found;
    });
    const displays = await Promise.all(keys.map(async (key) => this.#get<T>(key)));
    return displays.filter((each) => each !== undefined);
  }

  async #remove(key: string): Promise<void> {
    await this.#use(async (kv) => kv.purge(key, { ttl: `${MARKER_TTL_MS / 1_000}s` }));
  }

  /** After an error the bucket is opened again, because it may have been lost with the server's store. */
  async #use<T>(act: (kv: KV) => Promise<T>): Promise<T> {
    this.#opened ??= new Kvm(this.#js).create(DISPLAYS_BUCKET, {
      markerTTL: MARKER_TTL_MS,
      replicas: this.#replicas,
      history: 1,
      storage: StorageType.File,
    });
    try {
      return await act(await this.#opened);
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }
}

const keyOf = (kind: Kind, id: string): string => `${kind}.${id}`;

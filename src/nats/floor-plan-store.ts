// Floor plans in a NATS key-value bucket, and their images in an object store, which divides what is longer than a message. Both are
// created when they are first needed, so that a service whose NATS account lacks the permission starts all the same, without floor plans.
import { JetStreamApiCodes, JetStreamApiError, type JetStreamClient, StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { Objm, type ObjectStore } from '@nats-io/obj';
import type { FloorPlan, FloorPlanStore, StoredFloorPlan, StoredImage } from '../ports/floor-plans.ts';

export const FLOOR_PLANS_BUCKET = 'density_floor_plans';
export const FLOOR_PLAN_IMAGES = 'density_floor_plan_images';
/** How long the server keeps the marker of a removed plan. */
const MARKER_TTL_MS = 60_000;

interface Opened {
  readonly plans: KV;
  readonly images: ObjectStore;
}

export class NatsFloorPlanStore implements FloorPlanStore {
  readonly #js: JetStreamClient;
  readonly #replicas: number;
  #opened: Promise<Opened> | undefined;

  constructor(js: JetStreamClient, replicas: number) {
    this.#js = js;
    this.#replicas = replicas;
  }

  async plan(id: string): Promise<StoredFloorPlan | undefined> {
    const entry = await this.#use(async ({ plans }) => plans.get(keyOf(id)));
    return entry?.operation === 'PUT' ? { plan: entry.json<FloorPlan>(), revision: entry.revision } : undefined;
  }

  async plans(): Promise<FloorPlan[]> {
    const keys = await this.#use(async ({ plans }) => {
      const found: string[] = [];
      for await (const key of await plans.keys(keyOf('*'))) found.push(key);
      return found;
    });
    const found = await Promise.all(keys.map(async (key) => this.plan(key.slice(PREFIX.length))));
    return found.flatMap((stored) => (stored ? [stored.plan] : []));
  }

  async putPlan(plan: FloorPlan, revision: number): Promise<boolean> {
    const [key, text] = [keyOf(plan.id), JSON.stringify(plan)];
    return this.#use(async ({ plans }) =>
      unlessChanged(revision === 0 ? plans.create(key, text) : plans.update(key, text, revision)),
    );
  }

  async removePlan(id: string, revision: number): Promise<boolean> {
    return this.#use(async ({ plans }) =>
      unlessChanged(plans.purge(keyOf(id), { previousSeq: revision, ttl: `${MARKER_TTL_MS / 1_000}s` })),
    );
  }

  async image(name: string): Promise<Uint8Array | undefined> {
    return (await this.#use(async ({ images }) => images.getBlob(name))) ?? undefined;
  }

  async images(): Promise<StoredImage[]> {
    const found = await this.#use(async ({ images }) => images.list());
    return found.map(({ name, mtime }) => ({ name, storedMs: Date.parse(mtime) }));
  }

  async addImage(name: string, bytes: Uint8Array): Promise<void> {
    await this.#use(async ({ images }) => images.putBlob({ name }, bytes));
  }

  async removeImage(name: string): Promise<void> {
    await this.#use(async ({ images }) => images.delete(name));
  }

  /** After an error both are opened again, because they may have been lost with the server's store. */
  async #use<T>(act: (opened: Opened) => Promise<T>): Promise<T> {
    this.#opened ??= this.#open();
    try {
      return await act(await this.#opened);
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #open(): Promise<Opened> {
    const options = { replicas: this.#replicas, storage: StorageType.File };
    return {
      plans: await new Kvm(this.#js).create(FLOOR_PLANS_BUCKET, { ...options, markerTTL: MARKER_TTL_MS, history: 1 }),
      images: await new Objm(this.#js).create(FLOOR_PLAN_IMAGES, options),
    };
  }
}

const PREFIX = 'plan.';
const keyOf = (id: string): string => `${PREFIX}${id}`;

async function unlessChanged(written: Promise<unknown>): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence) return false;
    throw error;
  }
}

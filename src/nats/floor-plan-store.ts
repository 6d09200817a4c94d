// Floor plans in a NATS key-value bucket, and their images in an object store, which divides what is longer than a message. Both are
// created when they are first needed, so that a service whose NATS account lacks the permission starts all the same, without floor plans.
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type StoredMsg,
  StorageType,
  type StreamAPI,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { Objm, type ObjectResult, type ObjectStore } from '@nats-io/obj';
import { TimeoutError } from 'nats';
import type { FloorPlan, FloorPlanStore, StoredFloorPlan, StoredImage } from '../ports/floor-plans.ts';
import { orAborted } from '../runtime/or-aborted.ts';

export const FLOOR_PLANS_BUCKET = 'density_floor_plans';
export const FLOOR_PLAN_IMAGES = 'density_floor_plan_images';
// An object of NATS is messages of these two subjects in this stream: one that describes it, and its bytes.
const IMAGES_STREAM = `OBJ_${FLOOR_PLAN_IMAGES}`;
const [DESCRIPTIONS, BYTES] = [`$O.${FLOOR_PLAN_IMAGES}.M.`, `$O.${FLOOR_PLAN_IMAGES}.C.`];
/** How long the server keeps the marker of a removed plan. */
const MARKER_TTL_MS = 60_000;
/** Without a limit the client would wait for ever for a part of an image that is removed while it is read. */
const WITHIN_MS = 10_000;

interface Opened {
  readonly plans: KV;
  readonly images: ObjectStore;
  readonly streams: StreamAPI;
}

interface Description {
  readonly nuid: string;
  readonly deleted?: boolean;
}

export class NatsFloorPlanStore implements FloorPlanStore {
  readonly #js: JetStreamClient;
  readonly #replicas: number;
  readonly #withinMs: number;
  #opened: Promise<Opened> | undefined;

  /** @param withinMs how long each operation may take */
  constructor(js: JetStreamClient, replicas: number, withinMs = WITHIN_MS) {
    this.#js = js;
    this.#replicas = replicas;
    this.#withinMs = withinMs;
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
    try {
      return await this.#use(async ({ images }, late) => {
        const found = await images.get(name);
        return found ? await bytesOf(found, late) : undefined;
      });
    } catch (error) {
      if (error instanceof TimeoutError && !(await this.#hasImage(name))) return undefined;
      throw error;
    }
  }

  async #hasImage(name: string): Promise<boolean> {
    const info = await this.#use(async ({ images }) => images.info(name));
    return info !== null && !info.deleted;
  }

  async images(): Promise<StoredImage[]> {
    const found = await this.#use(async ({ images }) => images.list());
    return found.map(({ name, mtime }) => ({ name, storedMs: Date.parse(mtime) }));
  }

  async addImage(name: string, bytes: Uint8Array): Promise<void> {
    await this.#use(async ({ images }) => images.putBlob({ name }, bytes));
  }

  async removeImage(name: string): Promise<void> {
    await this.#use(async ({ images, streams }) => {
      await images.delete(name);
      // The client leaves a marker for each name, and no name is used twice.
      await streams.purge(IMAGES_STREAM, { filter: descriptionOf(name) });
    });
  }

  async removeRemains(beforeMs: number): Promise<void> {
    await this.#use(async ({ streams }) => {
      const subjects = await subjectsIn(streams);
      const isOld = (message: StoredMsg): boolean => message.time.getTime() < beforeMs;
      const described = new Set<string>();
      for (const subject of subjects.filter((each) => each.startsWith(DESCRIPTIONS))) {
        const message = await streams.getMessage(IMAGES_STREAM, { last_by_subj: subject });
        const { nuid, deleted } = message?.json<Description>() ?? {};
        if (message && deleted && isOld(message)) await streams.purge(IMAGES_STREAM, { filter: subject });
        else if (nuid !== undefined) described.add(`${BYTES}${nuid}`);
      }
      for (const subject of subjects.filter((each) => each.startsWith(BYTES) && !described.has(each))) {
        const message = await streams.getMessage(IMAGES_STREAM, { last_by_subj: subject });
        if (message && isOld(message)) await streams.purge(IMAGES_STREAM, { filter: subject });
      }
    });
  }

  /**
   * After an error both are opened again, because they may have been lost with the server's store.
   * @throws TimeoutError
   */
  async #use<T>(act: (opened: Opened, late: AbortSignal) => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(this.#withinMs);
    this.#opened ??= this.#open();
    try {
      const acted = this.#opened.then(async (opened) => act(opened, late));
      await orAborted(acted, late);
      if (late.aborted) throw new TimeoutError();
      return await acted;
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
      streams: (await this.#js.jetstreamManager(false)).streams,
    };
  }
}

const PREFIX = 'plan.';
const keyOf = (id: string): string => `${PREFIX}${id}`;

/** As the client encodes names: base64url, with its padding. */
function descriptionOf(name: string): string {
  return `${DESCRIPTIONS}${Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`;
}

async function subjectsIn(streams: StreamAPI): Promise<string[]> {
  const { state } = await streams.info(IMAGES_STREAM, { subjects_filter: '>' });
  return Object.keys(state.subjects ?? {});
}

/** @param late ends the reading; what has arrived by then is no image */
async function bytesOf({ data, error }: ObjectResult, late: AbortSignal): Promise<Uint8Array> {
  // Reading fails with the same error.
  error.catch(() => undefined);
  const reader = data.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  if (late.aborted) cancel();
  else late.addEventListener('abort', cancel, { once: true });
  const chunks: Uint8Array[] = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) chunks.push(part.value);
  return Buffer.concat(chunks);
}

async function unlessChanged(written: Promise<unknown>): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence) return false;
    throw error;
  }
}

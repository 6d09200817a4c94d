// Floor plans within their limits. An image is stored before the plan that names it, and removed once no plan names it. An image that a
// crash has left behind is removed by a later upload.
import { createHash, randomBytes } from 'node:crypto';
import { Failure } from '../domain/failure.ts';
import { imageHeaderOf, type ImageHeader } from '../domain/image-header.ts';
import type { FloorPlan, FloorPlanStore, PlanImage, StoredFloorPlan } from '../ports/floor-plans.ts';
import { Slots } from '../runtime/slots.ts';
import { HttpProblem } from './problem.ts';

export const IMAGE_BYTES_MAX = 2_000_000;
const PLANS_MAX = 20;
const ALL_IMAGES_BYTES_MAX = 10_000_000;
/** A small file can unpack to more pixels than a browser has memory for. */
const [SIDE_MAX, PIXELS_MAX] = [10_000, 40_000_000];
/** An upload in another process may not have stored its plan yet. */
const LEFT_BEHIND_MS = 3_600_000;
/** How often a change is decided again because another one came first. */
const TRIES_MAX = 5;
/** Each may hold an image in memory. */
const WAITING_MAX = 10;

/** Checks that the plan is still the one that the client has seen. @throws Failure changed */
export type Check = (current: FloorPlan | undefined) => void;
export type Drawing = Pick<FloorPlan, 'name' | 'spaces' | 'doorways'>;

interface LoadedImage {
  readonly image: PlanImage;
  readonly bytes: Uint8Array | undefined;
}

export class FloorPlans {
  readonly #store: () => FloorPlanStore;
  readonly #now: () => number;
  /** One change at a time: two concurrent ones would both find the last free place. */
  readonly #changes = new Slots(1, WAITING_MAX);

  /** @param store known once the service has started */
  constructor(store: () => FloorPlanStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async list(): Promise<FloorPlan[]> {
    return this.#store().plans();
  }

  /** @throws Failure not_found */
  async get(id: string): Promise<FloorPlan> {
    return (await this.#stored(id)).plan;
  }

  /** Creates the plan, or replaces what is drawn on it. @throws Failure unavailable, conflict if there are too many */
  async put(id: string, drawing: Drawing, check: Check): Promise<FloorPlan> {
    return this.#inTurn(async () => this.#put(id, drawing, check));
  }

  async #put(id: string, drawing: Drawing, check: Check): Promise<FloorPlan> {
    return retried(async () => {
      const stored = await this.#store().plan(id);
      check(stored?.plan);
      if (!stored && (await this.list()).length >= PLANS_MAX)
        throw new Failure('conflict', `there are ${PLANS_MAX} floor plans already: delete one first`);
      const plan = { id, image: stored?.plan.image ?? null, ...drawing, updatedMs: this.#now() };
      return (await this.#store().putPlan(plan, stored?.revision ?? 0)) ? plan : undefined;
    });
  }

  /** @throws Failure not_found */
  async remove(id: string, check: Check): Promise<void> {
    const removed = await retried(async () => {
      const { plan, revision } = await this.#stored(id);
      check(plan);
      return (await this.#store().removePlan(id, revision)) ? plan : undefined;
    });
    if (removed.image) await this.#discard(removed.image.name);
  }

  /**
   * The image of the plan.
   * @param isKnown whether the client has it already; then its bytes are undefined
   * @throws Failure not_found
   */
  async image(id: string, isKnown: (image: PlanImage) => boolean): Promise<LoadedImage> {
    // Another upload may replace the image after the plan is read.
    for (let tries = 0; tries < 2; tries++) {
      const { image } = await this.get(id);
      if (!image) break;
      if (isKnown(image)) return { image, bytes: undefined };
      const bytes = await this.#store().image(image.name);
      if (bytes) return { image, bytes };
    }
    throw new Failure('not_found', `the floor plan ${id} has no image`);
  }

  /** @throws Failure not_found, conflict, unavailable. @throws HttpProblem 415 if it is no image that may be stored */
  async setImage(id: string, bytes: Uint8Array, check: Check): Promise<FloorPlan> {
    return this.#inTurn(async () => this.#setImage(id, bytes, check));
  }

  async #setImage(id: string, bytes: Uint8Array, check: Check): Promise<FloorPlan> {
    check((await this.#stored(id)).plan);
    const header = acceptedHeader(bytes);
    await this.#makeRoom(id, bytes.length);
    const name = nameOf(id, bytes);
    await this.#store().addImage(name, bytes);
    let before: FloorPlan | undefined;
    const plan = await retried(async () => {
      const stored = await this.#stored(id);
      check(stored.plan);
      before = stored.plan;
      const image = { name, ...header, bytes: bytes.length };
      const changed = { ...stored.plan, image, updatedMs: this.#now() };
      return (await this.#store().putPlan(changed, stored.revision)) ? changed : undefined;
    }).catch(async (error: unknown) => {
      // After any other error the plan may have been stored, and only the answer lost.
      if (error instanceof Failure && error.kind !== 'unavailable') await this.#discard(name);
      throw error;
    });
    if (before?.image) await this.#discard(before.image.name);
    return plan;
  }

  /** The change is over, so an error does not matter: a later upload removes the image. */
  async #discard(image: string): Promise<void> {
    await this.#store()
      .removeImage(image)
      .catch(() => undefined);
  }

  /** @throws Failure conflict if all images together would be too long */
  async #makeRoom(id: string, bytes: number): Promise<void> {
    const plans = await this.list();
    const others = plans.reduce((sum, plan) => sum + (plan.id === id ? 0 : (plan.image?.bytes ?? 0)), 0);
    if (others + bytes > ALL_IMAGES_BYTES_MAX)
      throw new Failure('conflict', `all images together may have at most ${ALL_IMAGES_BYTES_MAX / 1e6} MB`);
    const used = new Set(plans.flatMap(({ image }) => (image ? [image.name] : [])));
    const leftBehindMs = this.#now() - LEFT_BEHIND_MS;
    for (const { name, storedMs } of await this.#store().images())
      if (!used.has(name) && storedMs < leftBehindMs) await this.#store().removeImage(name);
    await this.#store().removeRemains(leftBehindMs);
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    if (this.#changes.isFull)
      throw new Failure('unavailable', 'too many changes of floor plans are waiting', { retryAfterSeconds: 5 });
    return this.#changes.run(change);
  }

  async #stored(id: string): Promise<StoredFloorPlan> {
    const stored = await this.#store().plan(id);
    if (!stored) throw new Failure('not_found', `there is no floor plan ${id}`);
    return stored;
  }
}

/** @param attempt resolves to undefined if another change came first */
async function retried<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const done = await attempt();
    if (done !== undefined) return done;
  }
  throw new Failure('conflict', 'others keep changing the floor plan: send it again');
}

function acceptedHeader(bytes: Uint8Array): ImageHeader {
  const header = imageHeaderOf(bytes);
  if (!header)
    throw new HttpProblem(
      415,
      'the image must be PNG, JPEG or WebP. SVG is refused, because it can carry scripts: export it as PNG',
    );
  const { width, height } = header;
  if (Math.max(width, height) > SIDE_MAX || width * height > PIXELS_MAX)
    throw new Failure(
      'invalid',
      `the image has ${width} x ${height} pixels; it may have at most ${SIDE_MAX} on a side and ${PIXELS_MAX / 1e6} million in all`,
    );
  return header;
}

/** Never used before, even if the same image is uploaded again. */
function nameOf(id: string, bytes: Uint8Array): string {
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
  return `${id}.${digest}.${randomBytes(6).toString('base64url')}`;
}

// Floor plans in memory, for tests of what is built on the store.
import type { FloorPlan, FloorPlanStore, StoredFloorPlan, StoredImage } from '../../src/ports/floor-plans.ts';

export class MemoryFloorPlans implements FloorPlanStore {
  readonly #plans = new Map<string, StoredFloorPlan>();
  readonly #images = new Map<string, { readonly bytes: Uint8Array; readonly storedMs: number }>();
  #revision = 0;
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async plan(id: string): Promise<StoredFloorPlan | undefined> {
    return this.#plans.get(id);
  }

  async plans(): Promise<FloorPlan[]> {
    return [...this.#plans.values()].map(({ plan }) => plan);
  }

  async putPlan(plan: FloorPlan, revision: number): Promise<boolean> {
    if ((this.#plans.get(plan.id)?.revision ?? 0) !== revision) return false;
    this.#plans.set(plan.id, { plan, revision: ++this.#revision });
    return true;
  }

  async removePlan(id: string, revision: number): Promise<boolean> {
    if (this.#plans.get(id)?.revision !== revision) return false;
    return this.#plans.delete(id);
  }

  async image(name: string): Promise<Uint8Array | undefined> {
    return this.#images.get(name)?.bytes;
  }

  async images(): Promise<StoredImage[]> {
    return [...this.#images].map(([name, { storedMs }]) => ({ name, storedMs }));
  }

  async addImage(name: string, bytes: Uint8Array): Promise<void> {
    this.#images.set(name, { bytes, storedMs: this.#now() });
  }

  async removeImage(name: string): Promise<void> {
    this.#images.delete(name);
  }

  /** Everything here ends. */
  async removeRemains(): Promise<void> {
    return;
  }
}

// Displays in memory, for tests of what is built on the store.
import type { DisplayStore, PairedDisplay, PendingDisplay } from '../../src/ports/displays.ts';

export class MemoryDisplays implements DisplayStore {
  readonly #paired = new Map<string, PairedDisplay>();
  readonly #pending = new Map<string, PendingDisplay>();

  async paired(id: string): Promise<PairedDisplay | undefined> {
    return this.#paired.get(id);
  }

  async allPaired(): Promise<PairedDisplay[]> {
    return [...this.#paired.values()];
  }

  async pair(display: PairedDisplay): Promise<boolean> {
    if (this.#paired.has(display.id)) return false;
    this.#paired.set(display.id, display);
    return true;
  }

  async unpair(id: string): Promise<void> {
    this.#paired.delete(id);
  }

  async pending(id: string): Promise<PendingDisplay | undefined> {
    return this.#pending.get(id);
  }

  async allPending(): Promise<PendingDisplay[]> {
    return [...this.#pending.values()];
  }

  async addPending(display: PendingDisplay, keptMs: number): Promise<void> {
    this.#pending.set(display.id, display);
    setTimeout(() => this.#pending.delete(display.id), keptMs).unref();
  }

  async removePending(id: string): Promise<void> {
    this.#pending.delete(id);
  }
}

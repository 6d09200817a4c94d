// Folds that are restored at the same time begin to read the log together, so that each entry is received and decoded
// once for all of them. Otherwise each reads what came after its own checkpoint with a consumer of its own.

/**
 * How many entries a fold may be behind the foremost one. One that is further behind catches up by itself, so that the others need
 * not wait for it.
 */
const ENTRIES_BEHIND_MAX = 50_000;

interface Arrived {
  readonly seq: number;
  readonly start: (leastSeq: number) => void;
}

interface Group {
  loading: number;
  readonly arrived: Arrived[];
}

export class CommonStart {
  /** Open to others until the first of its folds has loaded, so that nobody waits for one that begins later. */
  #group: Group = { loading: 0, arrived: [] };

  /**
   * Waits until all folds that were loading when the first of them had finished have loaded, too, or failed.
   * @param load returns the sequence after which the fold reads
   * @returns the least of these sequences that is not far behind the others
   * @throws the error of `load`
   */
  async after(load: () => Promise<number>): Promise<number> {
    const group = this.#group.arrived.length === 0 ? this.#group : (this.#group = { loading: 0, arrived: [] });
    group.loading += 1;
    try {
      const seq = await load();
      return await new Promise<number>((start) => {
        group.arrived.push({ seq, start });
        leave(group);
      });
    } catch (error) {
      leave(group);
      throw error;
    }
  }
}

function leave(group: Group): void {
  group.loading -= 1;
  if (group.loading > 0) return;
  const seqs = group.arrived.map(({ seq }) => seq);
  const leastSeq = Math.max(Math.min(...seqs), Math.max(...seqs) - ENTRIES_BEHIND_MAX);
  for (const { start } of group.arrived.splice(0)) start(leastSeq);
}

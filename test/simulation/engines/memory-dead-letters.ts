// The store of dead letters, in memory.
import {
  letterIdOf,
  type DeadLetter,
  type DeadLetters,
  type ItemsByReason,
  type KeptLetter,
  type LetterKey,
  type LetterSelection,
  type RecordedReplay,
} from '../../../src/ports/dead-letters.ts';
import type { Access } from './memory-cursor.ts';
import { away, type MemoryStreams } from './memory-streams.ts';

export class MemoryDeadLetters implements DeadLetters {
  readonly #access: Access;
  readonly #streams: MemoryStreams;

  constructor(access: Access, streams: MemoryStreams) {
    this.#access = access;
    this.#streams = streams;
  }

  async store(letters: readonly DeadLetter[]): Promise<void> {
    const put = (some: readonly DeadLetter[]): void => some.forEach((letter) => this.#put(letter));
    await this.#access.scheduler.request(this.#access.owner, {
      label: 'store dead letters',
      isWrite: true,
      failure: away('dead letters'),
      apply: () => put(letters),
      applyPart: () => put(letters.slice(0, Math.ceil(letters.length / 2))),
    });
  }

  async count(): Promise<{ kept: ItemsByReason; evicted: ItemsByReason }> {
    return this.#access.scheduler.request(this.#access.owner, {
      label: 'count dead letters',
      apply: () => {
        const kept: ItemsByReason = {};
        for (const { reason, items } of this.#streams.letters.values()) kept[reason] = (kept[reason] ?? 0) + items;
        return { kept, evicted: { ...this.#streams.evicted } };
      },
    });
  }

  async *letters({ reason, fromMs = 0, toMs = Infinity }: LetterSelection): AsyncGenerator<KeptLetter> {
    yield* await this.#access.scheduler.request(this.#access.owner, {
      label: 'read dead letters',
      failure: away('dead letters'),
      apply: () =>
        [...this.#streams.letters.values()].filter(
          (letter) =>
            (reason === undefined || letter.reason === reason) && letter.storedMs >= fromMs && letter.storedMs < toMs,
        ),
    });
  }

  async recordReplay(letter: LetterKey, replay: RecordedReplay): Promise<RecordedReplay> {
    const key = `${letterIdOf(letter)}.${letter.arrivedMs}`;
    return this.#access.scheduler.request(this.#access.owner, {
      label: 'record replay',
      isWrite: true,
      failure: away('record replay'),
      apply: () => {
        const recorded = this.#streams.replays.get(key) ?? replay;
        this.#streams.replays.set(key, recorded);
        return recorded;
      },
    });
  }

  async evict(ageMaxMs: number): Promise<void> {
    const { letters, evicted, evictedKeys, now } = this.#streams;
    await this.#access.scheduler.request(this.#access.owner, {
      label: 'evict dead letters',
      isWrite: true,
      failure: away('evict'),
      apply: () => {
        for (const [key, { reason, items, storedMs }] of letters) {
          if (storedMs >= now() - ageMaxMs) continue;
          letters.delete(key);
          evictedKeys.add(key);
          evicted[reason] = (evicted[reason] ?? 0) + items;
        }
      },
    });
  }

  #put(letter: DeadLetter): void {
    const { letters, evictedKeys, now } = this.#streams;
    const key = letterIdOf(letter);
    if (evictedKeys.delete(key)) this.#streams.itemsStoredAgain += letter.items;
    letters.set(key, { ...letter, storedMs: now() });
  }
}

// The spaces with events in their reorder buffers, which are affected by time.
import type { SpaceId } from '../../src/domain/ids.ts';
import type { SpaceState } from '../space/space-state.ts';
import type { WatermarkContext } from '../space/watermark.ts';
import { DueSpaces } from './due-spaces.ts';

type StateOf = (spaceId: SpaceId) => SpaceState | undefined;

export class BufferingSpaces {
  readonly #ids = new Set<SpaceId>();
  readonly #due = new DueSpaces();
  /** Spaces with readings from the near future. */
  readonly #ahead = new Set<SpaceId>();

  get ids(): ReadonlySet<SpaceId> {
    return this.#ids;
  }

  /** Call it after each event of a space. @param logMs the log's time */
  note(state: SpaceState, context: WatermarkContext, logMs: number): void {
    const { spaceId } = state;
    if (state.buffered === 0) {
      this.#ids.delete(spaceId);
      this.#due.forget(spaceId);
      return;
    }
    this.#ids.add(spaceId);
    this.#due.wait(spaceId, state.dueOn(context));
    if (state.lastBufferedMs > logMs) this.#ahead.add(spaceId);
  }

  /** Call it after a change of the settings. */
  settingsChanged(stateOf: StateOf, context: WatermarkContext): void {
    this.#due.clear();
    for (const spaceId of this.#ids) {
      const state = stateOf(spaceId);
      if (state) this.#due.wait(spaceId, state.dueOn(context));
    }
  }

  /** The spaces that are due, ascending: those that a search of all would find. Each has to be told. */
  takeDue(stateOf: StateOf, context: WatermarkContext): SpaceId[] {
    return this.#due.take(context.clocks).filter((spaceId) => {
      const state = stateOf(spaceId);
      if (!state || state.isDue(context)) return state !== undefined;
      this.#due.wait(spaceId, state.dueOn(context));
      return false;
    });
  }

  /**
   * The spaces that had readings from the future the last time. Their live counts change once the time of these has
   * come.
   */
  takeAhead(stateOf: StateOf, logMs: number): SpaceId[] {
    const ahead = [...this.#ahead];
    for (const spaceId of ahead)
      if ((stateOf(spaceId)?.lastBufferedMs ?? -Infinity) <= logMs) this.#ahead.delete(spaceId);
    return ahead;
  }
}

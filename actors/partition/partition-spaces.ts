// The spaces of a partition: their states and actors, and what is asked of all of them at once.
import type { SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { ResetPoint } from '../../src/domain/reset-schedule.ts';
import { apply, SpaceActorStarter, tell, type SpaceActor, type SpaceActorEvent } from '../space/space-actor.ts';
import { SpaceState, type SpaceOutput } from '../space/space-state.ts';
import type { WatermarkContext } from '../space/watermark.ts';
import { BufferedSeqs } from './buffered-seqs.ts';
import { BufferingSpaces } from './buffering-spaces.ts';

/** A space whose occupancy has to be recomputed from the stored rows of all blocks up to `block`. */
export interface CorrectionDue {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly base: ResetPoint;
}

/** A space whose newest final reading has to be looked up in the stored rows of all blocks up to `block`. */
export interface NewestReadingDue {
  readonly spaceId: SpaceId;
  readonly block: number;
}

/** The clocks and settings of a fold as they are now. */
interface FoldTime extends WatermarkContext {
  readonly logMs: number;
}

export class PartitionSpaces {
  readonly #time: FoldTime;
  readonly #onOutput: (output: SpaceOutput) => void;
  readonly #states = new Map<SpaceId, SpaceState>();
  /**
   * A space gets its actor with its first readings in this process. Tens of thousands that nobody enters would take four
   * times the memory, and make each restart longer.
   */
  readonly #actors = new Map<SpaceId, SpaceActor>();
  readonly #starter = new SpaceActorStarter((output) => this.#takeOutput(output));
  /** Spaces that wait for history. */
  readonly #correcting = new Set<SpaceId>();
  /** None of them waits for an earlier block. */
  #leastAwaited = Infinity;
  readonly #buffering = new BufferingSpaces();
  readonly #buffered = new BufferedSeqs();
  #lateEvents = 0;

  constructor(time: FoldTime, onOutput: (output: SpaceOutput) => void) {
    [this.#time, this.#onOutput] = [time, onOutput];
  }

  /** The number of spaces that have had an event. */
  get size(): number {
    return this.#states.size;
  }

  ids(): IterableIterator<SpaceId> {
    return this.#states.keys();
  }

  readonly state = (spaceId: SpaceId): SpaceState | undefined => this.#states.get(spaceId);

  /** Spaces with events in their reorder buffers. */
  get buffering(): ReadonlySet<SpaceId> {
    return this.#buffering.ids;
  }

  /** Spaces with a correction due, or whose newest reading has to be looked up. */
  get correcting(): ReadonlySet<SpaceId> {
    return this.#correcting;
  }

  /** The number of events in reorder buffers. */
  get buffered(): number {
    return this.#buffered.size;
  }

  /** The lowest sequence in SPACE_EVENTS of the events in reorder buffers; Infinity if there are none. */
  get leastBufferedSeq(): number {
    return this.#buffered.least;
  }

  /** The number of events that came after the watermark had passed them. */
  get lateEvents(): number {
    return this.#lateEvents;
  }

  bufferedEvents(): LoggedEvent[] {
    return [...this.buffering].flatMap((spaceId) => this.state(spaceId)?.bufferedEvents() ?? []);
  }

  /** Adds a space with a known state. */
  add(state: SpaceState): void {
    this.#states.set(state.spaceId, state);
    for (const { seq } of state.bufferedEvents()) this.#buffered.add(seq);
    this.#lateEvents += state.lateEvents;
    this.#noteConcerns(state);
  }

  tell(spaceId: SpaceId, event: SpaceActorEvent): void {
    if (event.type === 'readingsObserved') for (const { seq } of event.events) this.#buffered.add(seq);
    let state = this.state(spaceId);
    if (!state) this.#states.set(spaceId, (state = new SpaceState(spaceId)));
    let actor = this.#actors.get(spaceId);
    if (!actor && event.type === 'readingsObserved') this.#actors.set(spaceId, (actor = this.#starter.start(state)));
    if (actor) tell(actor, event);
    else apply(state, event, this.#takeOutput);
    this.#noteConcerns(state);
  }

  /** Call it after a change of the settings. */
  settingsChanged(): void {
    this.#buffering.settingsChanged(this.state, this.#time);
  }

  /** The spaces that time has made due, ascending. Each has to be told. */
  takeDue(): SpaceId[] {
    return this.#buffering.takeDue(this.state, this.#time);
  }

  /** As in BufferingSpaces. */
  takeAhead(): SpaceId[] {
    return this.#buffering.takeAhead(this.state, this.#time.logMs);
  }

  /** True if there are corrections, or newest readings to look up, whose block is stored. Asked after each few entries. */
  hasLookups(storedBlock: number): boolean {
    if (this.#leastAwaited > storedBlock) return false;
    this.#leastAwaited = Infinity;
    for (const spaceId of this.#correcting) this.#noteAwaited(this.state(spaceId));
    return this.#leastAwaited <= storedBlock;
  }

  /** Corrections whose block is stored, so that history can make them. */
  correctionsDue(storedBlock: number): CorrectionDue[] {
    const due: CorrectionDue[] = [];
    for (const spaceId of this.#correcting) {
      const correction = this.state(spaceId)?.correctionDue;
      if (correction && correction.block <= storedBlock) due.push({ spaceId, ...correction });
    }
    return due;
  }

  /** Newest readings that history knows, because their block is stored. */
  newestReadingsDue(storedBlock: number): NewestReadingDue[] {
    const due: NewestReadingDue[] = [];
    for (const spaceId of this.#correcting) {
      const block = this.state(spaceId)?.newestReadingDue;
      if (block !== undefined && block <= storedBlock) due.push({ spaceId, block });
    }
    return due;
  }

  #noteConcerns(state: SpaceState): void {
    if (state.isSettled && state.newestReadingDue === undefined) this.#correcting.delete(state.spaceId);
    else {
      this.#correcting.add(state.spaceId);
      this.#noteAwaited(state);
    }
    this.#buffering.note(state, this.#time, this.#time.logMs);
  }

  #noteAwaited(state: SpaceState | undefined): void {
    const blocks = [state?.correctionDue?.block ?? Infinity, state?.newestReadingDue ?? Infinity];
    this.#leastAwaited = Math.min(this.#leastAwaited, ...blocks);
  }

  readonly #takeOutput = (output: SpaceOutput): void => {
    if (output.type === 'eventsFinal') for (const { seq } of output.events) this.#buffered.remove(seq);
    if (output.type === 'eventLate') {
      this.#buffered.remove(output.event.seq);
      this.#lateEvents += 1;
    }
    this.#onOutput(output);
  };
}

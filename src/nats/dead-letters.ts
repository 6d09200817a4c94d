// The DEAD_LETTERS stream. Subjects are `dead.<reason>.<sequence in READINGS>.<index>` with one message each, so that
// a router that restarts stores no letter twice. `dead.replayed.<letter>.<arrival time>` records how a letter was
// replayed, and `dead.replayed.payload.<sequence>.0.<arrival time>` how the letters of a payload are. Records come after
// their letters, and so are purged later.
//
// Invariant: evicted letters remain counted. The server would evict without counting, so the service evicts well
// before the limit is reached. It first stores a tally of the items that it is about to remove, with the sequence up
// to which it removes, and then purges the stream. Counting starts at the tally's sequence, so a crash in between
// changes no count.
import {
  DeliverPolicy,
  type JetStreamClient,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { headers } from 'nats';
import type { RejectReason } from '../domain/reading.ts';
import {
  letterIdOf,
  type DeadLetter,
  type DeadLetters,
  type ItemsByReason,
  type KeptLetter,
  type LetterKey,
  type LetterSelection,
  type LetterSummary,
  type ListedLetters,
  type PayloadArrival,
  type RecordedReplay,
  type ReplayKey,
} from '../ports/dead-letters.ts';
import { DEAD_LETTERS } from './streams.ts';

const IN_FLIGHT_MAX = 500;
const TALLY = 'dead.evicted';
const LETTERS = 'dead.*.*.*';
/**
 * Fractions of the stream's limit: eviction starts at the first and stops at the second. A process checks the size
 * again after storing the third.
 */
const [EVICT_ABOVE, EVICT_TO, CHECK_EVERY] = [0.75, 0.5, 1 / 16];
/** Approximate size of a letter's headers and subject. */
const OVERHEAD_BYTES = 300;
const LETTERS_PER_FETCH = 10_000;
/** A letter may have a megabyte. */
const BODIES_PER_FETCH = 100;
const FETCH_MAX_MS = 5_000;

/** The count of evicted items. */
interface Tally {
  /** The sequence of the tally itself; 0 if there is none yet. */
  readonly seq: number;
  /** All letters before this sequence are evicted. */
  readonly beforeSeq: number;
  readonly items: ItemsByReason;
}

export class NatsDeadLetters implements DeadLetters, ListedLetters {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  #bytesMax: number | undefined;
  /** Bytes stored by this process since it last checked the stream's size. */
  #unseenBytes = Infinity;
  #evicting: Promise<void> | undefined;

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js;
    this.#jsm = jsm;
  }

  async store(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length > 0 && this.#bytesMax === undefined) await this.evict(Infinity);
    const bytesPerCheck = (this.#bytesMax ?? Infinity) * CHECK_EVERY;
    for (let at = 0; at < letters.length;) {
      const end = endOfChunk(letters, at, bytesPerCheck);
      await Promise.all(letters.slice(at, end).map((letter) => this.#storeOne(letter)));
      at = end;
      if (this.#unseenBytes > bytesPerCheck) await this.evict(Infinity);
    }
  }

  async count(): Promise<{ kept: ItemsByReason; evicted: ItemsByReason }> {
    for (;;) {
      const tally = await this.#tally();
      const kept: ItemsByReason = {};
      for await (const message of this.#letters(tally.beforeSeq, true)) add(kept, reasonOf(message), itemsOf(message));
      // If another process has evicted in the meantime, count again.
      if ((await this.#tally()).seq === tally.seq) return { kept, evicted: tally.items };
    }
  }

  /** The newest letters, oldest first. Reads the whole stream. */
  async newest(limit: number): Promise<KeptLetter[]> {
    const newest: KeptLetter[] = [];
    for await (const letter of this.letters({})) {
      newest.push(letter);
      if (newest.length > limit) newest.shift();
    }
    return newest;
  }

  async *letters({ reason, fromMs = 0, toMs = Infinity }: LetterSelection): AsyncGenerator<KeptLetter> {
    for await (const message of this.#letters((await this.#tally()).beforeSeq, false, `dead.${reason ?? '*'}.*.*`)) {
      const storedMs = message.time.getTime();
      if (storedMs >= toMs) return;
      if (storedMs >= fromMs) yield { ...aboutLetter(message), raw: message.data };
    }
  }

  async *summaries(): AsyncGenerator<LetterSummary> {
    for await (const message of this.#letters((await this.#tally()).beforeSeq, true))
      yield { ...aboutLetter(message), bytes: sizeOf(message) };
  }

  async content(letter: LetterKey): Promise<{ raw: Uint8Array; replay: RecordedReplay | undefined } | undefined> {
    const [message, replay] = await Promise.all([
      this.#jsm.direct.getMessage(DEAD_LETTERS, { last_by_subj: `dead.${letterIdOf(letter)}` }),
      this.#jsm.direct.getMessage(DEAD_LETTERS, { last_by_subj: replaySubject(letter) }),
    ]);
    return message ? { raw: message.data, replay: replay?.json<RecordedReplay>() } : undefined;
  }

  async recordReplay(key: ReplayKey, replay: RecordedReplay): Promise<RecordedReplay> {
    const subject = replaySubject(key);
    try {
      await this.#js.publish(subject, JSON.stringify(replay), { expect: { lastSubjectSequence: 0 } });
      return replay;
    } catch (error) {
      if (!isWrongSequence(error)) throw error;
    }
    // Read from the leader, because a replica may not have it yet.
    const recorded = await this.#jsm.streams.getMessage(DEAD_LETTERS, { last_by_subj: subject });
    if (!recorded) throw new Error(`the record at ${subject} has just been evicted`);
    return recorded.json<RecordedReplay>();
  }

  evict(ageMaxMs: number): Promise<void> {
    return (this.#evicting ??= this.#evict(ageMaxMs).finally(() => (this.#evicting = undefined)));
  }

  async #evict(ageMaxMs: number): Promise<void> {
    const { config, state } = await this.#jsm.streams.info(DEAD_LETTERS);
    this.#bytesMax = config.max_bytes > 0 ? config.max_bytes : Infinity;
    this.#unseenBytes = 0;
    const tally = await this.#tally();
    const keptFromMs = Date.now() - ageMaxMs;
    const excess = state.bytes > this.#bytesMax * EVICT_ABOVE ? state.bytes - this.#bytesMax * EVICT_TO : 0;
    const items = { ...tally.items };
    let [bytes, beforeSeq] = [0, tally.beforeSeq];
    if (excess > 0 || (state.first_ts !== undefined && new Date(state.first_ts).getTime() < keptFromMs)) {
      for await (const message of this.#letters(tally.beforeSeq, true)) {
        if (bytes >= excess && message.time.getTime() >= keptFromMs) break;
        bytes += sizeOf(message) + OVERHEAD_BYTES;
        add(items, reasonOf(message), itemsOf(message));
        beforeSeq = message.seq + 1;
      }
    }
    if (beforeSeq > tally.beforeSeq && !(await this.#storeTally({ ...tally, beforeSeq, items }))) return;
    // Also removes letters that another process tallied before it crashed.
    if (beforeSeq > 1 && state.first_seq < beforeSeq) await this.#jsm.streams.purge(DEAD_LETTERS, { seq: beforeSeq });
  }

  async #tally(): Promise<Tally> {
    const message = await this.#jsm.direct.getMessage(DEAD_LETTERS, { last_by_subj: TALLY });
    return message ? { ...message.json<Omit<Tally, 'seq'>>(), seq: message.seq } : { seq: 0, beforeSeq: 1, items: {} };
  }

  /**
   * @returns false if another process has evicted in the meantime
   */
  async #storeTally({ seq, beforeSeq, items }: Tally): Promise<boolean> {
    try {
      await this.#js.publish(TALLY, JSON.stringify({ beforeSeq, items }), { expect: { lastSubjectSequence: seq } });
      return true;
    } catch (error) {
      if (isWrongSequence(error)) return false;
      throw error;
    }
  }

  /** Letters from a sequence on. */
  async *#letters(fromSeq: number, isWithoutBytes: boolean, subjects = LETTERS): AsyncGenerator<JsMsg> {
    for (let next = fromSeq, isAll = false; !isAll;) {
      const consumer = await this.#js.consumers.get(DEAD_LETTERS, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: next,
        filter_subjects: subjects,
        headers_only: isWithoutBytes,
      });
      try {
        const { num_pending: pending } = await consumer.info();
        if (pending === 0) return;
        isAll = true;
        for await (const message of await consumer.fetch({
          max_messages: Math.min(pending, isWithoutBytes ? LETTERS_PER_FETCH : BODIES_PER_FETCH),
          expires: FETCH_MAX_MS,
        })) {
          next = message.seq + 1;
          isAll = message.info.pending === 0;
          yield message;
        }
      } finally {
        // The server would keep it for five minutes, and every read of the account would leave another one.
        await consumer.delete().catch(() => undefined);
      }
    }
  }

  async #storeOne(letter: DeadLetter): Promise<void> {
    const about = headers();
    about.set('reason', letter.reason);
    about.set('detail', letter.detail);
    about.set('subject', letter.subject);
    about.set('readings-seq', String(letter.readingsSeq));
    about.set('index', String(letter.index));
    about.set('arrived', String(letter.arrivedMs));
    about.set('items', String(letter.items));
    if (letter.isCut) about.set('cut', '1');
    for (const [name, value] of Object.entries(letter.arrival ? arrivalHeaders(letter.arrival) : {}))
      about.set(name, value);
    await this.#js.publish(`dead.${letterIdOf(letter)}`, letter.raw, { headers: about });
    this.#unseenBytes += letter.raw.length + OVERHEAD_BYTES;
  }
}

function add(items: ItemsByReason, reason: RejectReason, count: number): void {
  items[reason] = (items[reason] ?? 0) + count;
}

const replaySubject = (key: ReplayKey): string => `dead.replayed.${letterIdOf(key)}.${key.arrivedMs}`;

function isWrongSequence(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;
}

function aboutLetter(message: JsMsg): Omit<LetterSummary, 'bytes'> {
  const about = (name: string): string => message.headers?.get(name) ?? '';
  const storedMs = message.time.getTime();
  return {
    reason: reasonOf(message),
    detail: about('detail'),
    subject: about('subject'),
    readingsSeq: Number(about('readings-seq')),
    index: Number(about('index')),
    // Letters of earlier versions lack the arrival time, which is shortly before they were stored.
    arrivedMs: Number(about('arrived')) || storedMs,
    items: itemsOf(message),
    isCut: about('cut') !== '',
    storedMs,
    ...(about('digest') === '' ? {} : { arrival: arrivalIn(about) }),
  };
}

function arrivalHeaders({ earliestMs, latestMs, accepted, digest }: PayloadArrival): Record<string, string> {
  return { earliest: String(earliestMs), latest: String(latestMs), accepted: String(accepted), digest };
}

function arrivalIn(about: (name: string) => string): PayloadArrival {
  return {
    earliestMs: Number(about('earliest')),
    latestMs: Number(about('latest')),
    accepted: Number(about('accepted')),
    digest: about('digest'),
  };
}

/** The size of a message that was read without its content. */
const sizeOf = (message: JsMsg): number => Number(message.headers?.get('Nats-Msg-Size') ?? 0);
const reasonOf = (message: JsMsg): RejectReason => message.headers?.get('reason') as RejectReason;
/** Letters of earlier versions lack the header and hold one item each. */
const itemsOf = (message: JsMsg): number => Number(message.headers?.get('items') || 1);

/**
 * Takes at least one letter, and stops when it has the bytes that may be stored between two checks of the size. Beyond
 * that the server would evict letters itself, and not count them.
 */
function endOfChunk(letters: readonly DeadLetter[], from: number, bytesMax: number): number {
  let [end, bytes] = [from, 0];
  while (end < letters.length && end - from < IN_FLIGHT_MAX && bytes <= bytesMax) {
    bytes += (letters[end]?.raw.length ?? 0) + OVERHEAD_BYTES;
    end += 1;
  }
  return end;
}

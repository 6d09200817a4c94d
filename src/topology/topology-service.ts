// Follows the TOPOLOGY log, and turns commands into facts appended to it. Every append expects the log to end where
// the decision was made, so unique names, references and ids hold across processes without another database. Before a
// command is refused, the service catches up with the log, so that a refusal is never due to missing entries (E1).
// The writes of one process are queued. Those of several processes conflict, and are decided again after a pause of
// random length (E2).
import { Failure } from '../domain/failure.ts';
import type { DpuId } from '../domain/ids.ts';
import type { Author, DeviceFact, SingleFact, TopologyFact } from '../domain/topology.ts';
import { decideTopology, type TopologyCommand } from '../domain/topology-command.ts';
import { TopologyHistory, type TopologyView } from '../domain/topology-history.ts';
import { requireUnrelatedSince, type TopologyPlace } from '../domain/topology-place.ts';
import type { TopologyCursor, TopologyLog } from '../ports/topology-log.ts';
import { MACHINE_TIMING, NEVER, type Timing } from '../runtime/timing.ts';
import { WriteQueue } from './write-queue.ts';

/**
 * Each process has one write in progress, so if n processes write continuously, each succeeds in about one of n
 * attempts.
 */
const ATTEMPTS_MAX = 100;
const [PAUSE_FIRST_MS, PAUSE_MAX_MS] = [2, 100];

/** The time, by the log's clock, up to which payloads of some devices may have been read. @throws if it is not known */
export type PayloadsReadTo = (devices: readonly DpuId[]) => Promise<number>;

export class TopologyService {
  readonly history = new TopologyHistory();
  readonly #log: TopologyLog;
  readonly #now: () => number;
  readonly #onChange: () => void;
  readonly #timing: Pick<Timing, 'pause' | 'random'>;
  readonly #payloadsReadTo: PayloadsReadTo;
  readonly #writes = new WriteQueue();
  /** The last known end of the log, and since when (ms) the history has been behind it. */
  #known = { seq: 0, sinceMs: 0 };
  #cursor: TopologyCursor | undefined;
  #waiting: { seq: number; resolve: () => void }[] = [];
  /** Aborted when the log is read again from the beginning, because it no longer holds what was read. */
  #reading = new AbortController();

  constructor(
    log: TopologyLog,
    now: () => number,
    onChange: () => void,
    timing: Pick<Timing, 'pause' | 'random'> = MACHINE_TIMING,
    payloadsReadTo: PayloadsReadTo = async () => Promise.resolve(0),
  ) {
    this.#log = log;
    this.#now = now;
    this.#onChange = onChange;
    this.#timing = timing;
    this.#payloadsReadTo = payloadsReadTo;
  }

  /** Follows the log until stopped. @throws if the log cannot be read; may be called again to continue */
  async follow(): Promise<void> {
    const cursor = await this.#log.open(this.history.seq);
    this.#cursor = cursor;
    for (let entries = await cursor.next(); entries.length > 0; entries = await cursor.next()) {
      for (const { bytes, ...entry } of entries) this.history.apply(entry, bytes);
      this.#onChange();
      this.#waiting = this.#waiting.filter(({ seq, resolve }) => {
        if (seq > this.history.seq) return true;
        resolve();
        return false;
      });
    }
  }

  /** For how long, in ms, the history has been behind the known end of the log; 0 while it is not. */
  get behindMs(): number {
    return this.#known.seq > this.history.seq ? this.#now() - this.#known.sinceMs : 0;
  }

  /**
   * Asks for the log's last sequence, without waiting until the history has reached it.
   * @throws if the log cannot be reached
   */
  async readEnd(): Promise<number> {
    const seq = await this.#log.lastSeq();
    // It may be lower than before, because the log may have lost its end.
    this.#known = { seq, sinceMs: this.behindMs > 0 ? this.#known.sinceMs : this.#now() };
    return seq;
  }

  /** Resolves once the history includes a sequence of the log. */
  async reached(seq: number): Promise<void> {
    if (this.history.seq >= seq) return;
    await new Promise<void>((resolve) => this.#waiting.push({ seq, resolve }));
  }

  /**
   * Resolves once the history includes everything that is in the log now.
   * @returns true if it had to wait for entries
   * @throws if the log cannot be reached
   */
  async catchUp(): Promise<boolean> {
    const [knownSeq, lastSeq] = [this.history.seq, await this.readEnd()];
    await this.reached(lastSeq);
    return lastSeq > knownSeq;
  }

  /**
   * Decides a command and appends the resulting fact.
   * @param by who gives the command
   * @param precondition checks the state that the command would change, and throws if the command must not be
   * executed
   * @returns the fact as recorded
   * @throws Failure not_found, conflict, invalid or unavailable, or the error of the precondition
   */
  async execute(
    command: TopologyCommand,
    by: Author,
    precondition?: (view: TopologyView) => void,
  ): Promise<SingleFact> {
    const [fact] = await this.append(this.deciding(command, precondition), by);
    return fact as SingleFact;
  }

  /**
   * How a command is decided on a state of the log: to be appended, or for a dry run.
   * @param asOf refuse the command if anything that concerns it has changed since
   */
  deciding(
    command: TopologyCommand,
    precondition: (view: TopologyView) => void = () => undefined,
    asOf?: TopologyPlace,
  ): (view: TopologyView) => readonly SingleFact[] {
    return (view) => {
      precondition(view);
      const fact = decideTopology(view, command, this.#now());
      if (asOf) requireUnrelatedSince(this.history, asOf, [fact]);
      return [fact];
    };
  }

  /**
   * Appends the facts that `decide` returns for the current state of the log, as one entry: all are stored, or none.
   * @param decide is called again if another process wrote in the meantime
   * @param by who makes the change; recorded with the entry
   * @returns the facts as recorded
   * @throws Failure unavailable, or the error of `decide`
   */
  async append(decide: (view: TopologyView) => readonly SingleFact[], by: Author): Promise<readonly SingleFact[]> {
    return this.#writes.run(() => this.#append(decide, by));
  }

  async #append(decide: (view: TopologyView) => readonly SingleFact[], by: Author): Promise<readonly SingleFact[]> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const decidedAt = this.history.seq;
      let facts: readonly SingleFact[];
      try {
        facts = decide(this.history.latest());
      } catch (refusal) {
        // Another process may have appended entries that this one has not read yet: decide again with them.
        if (await this.catchUp().catch(unavailable)) continue;
        throw refusal;
      }
      if (facts.some(isOfDevice)) facts = await this.#dated(facts);
      const [first, second] = facts;
      if (!first) return facts;
      const fact = second ? ({ kind: 'batch', doc: facts } as const) : first;
      const signed: TopologyFact = { ...fact, by, atMs: this.#now() };
      const seq = await this.#log.append(signed, decidedAt).catch(unavailable);
      if (seq !== undefined) {
        await this.#applied(seq);
        return facts;
      }
      // Another process appended first: decide again with its entry, after a random pause to avoid the next conflict.
      await this.#applied(decidedAt + 1);
      const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** attempt);
      await this.#timing.pause(this.#timing.random() * pauseMs, NEVER);
    }
    throw new Failure('unavailable', 'the topology is changing too fast', { retryAfterSeconds: 1 });
  }

  /** With the time up to which routers may have read payloads without them. */
  async #dated(facts: readonly SingleFact[]): Promise<readonly SingleFact[]> {
    const afterMs = await this.#payloadsReadTo(facts.filter(isOfDevice).map(({ doc }) => doc.id)).catch(unavailable);
    return facts.map((fact) => (isOfDevice(fact) ? { ...fact, afterMs } : fact));
  }

  /** Like `reached`, for a write. @throws Failure unavailable if the log lost its end, and perhaps the write with it */
  async #applied(seq: number): Promise<void> {
    const { signal } = this.#reading;
    let fail: () => void = () => undefined;
    const lost = new Promise<never>((_, reject) => {
      fail = () => reject(new Failure('unavailable', 'the topology log is being restored', { retryAfterSeconds: 5 }));
      signal.addEventListener('abort', fail, { once: true });
    });
    await Promise.race([this.reached(seq), lost]).finally(() => signal.removeEventListener('abort', fail));
  }

  /** True if the log no longer holds what was read from it. @throws if the log cannot be reached */
  async hasLogGoneBack(): Promise<boolean> {
    const { seq } = this.history;
    if (seq === 0) return false;
    const [here] = this.history.entries(seq - 1, seq);
    return JSON.stringify(await this.#log.at(seq)) !== JSON.stringify(here?.fact);
  }

  /** Discards the history and reads the log again from its beginning. No router may use the history in the meantime. */
  async startOver(): Promise<void> {
    this.history.clear();
    this.#reading.abort();
    this.#reading = new AbortController();
    await this.#cursor?.close();
  }

  async stop(): Promise<void> {
    await this.#cursor?.close();
  }
}

function isOfDevice(fact: SingleFact): fact is DeviceFact {
  return fact.kind === 'device';
}

function unavailable(cause: unknown): never {
  throw new Failure('unavailable', 'the topology cannot be changed at the moment', { cause, retryAfterSeconds: 5 });
}

// Keeps the topology's history up to date with the TOPOLOGY log, and turns commands into facts of it.
// Every write expects the log to end where the decision was made, so that unique names, references
// and ids hold across processes with no other database; and a refusal is one of the log as it ends (E1).
import { Failure } from '../domain/failure.ts';
import type { TopologyFact } from '../domain/topology.ts';
import { decideTopology, type TopologyCommand } from '../domain/topology-command.ts';
import { TopologyHistory, type TopologyView } from '../domain/topology-history.ts';
import type { TopologyCursor, TopologyLog } from '../ports/topology-log.ts';

const ATTEMPTS_MAX = 20;

export class TopologyService {
  readonly history = new TopologyHistory();
  readonly #log: TopologyLog;
  readonly #now: () => number;
  readonly #onChange: () => void;
  /** The last entry that is known to be in the log, and since when this has waited for one that is. */
  #known = { seq: 0, sinceMs: 0 };
  #cursor: TopologyCursor | undefined;
  #waiting: { seq: number; resolve: () => void }[] = [];

  constructor(log: TopologyLog, now: () => number, onChange: () => void) {
    this.#log = log;
    this.#now = now;
    this.#onChange = onChange;
  }

  /** Follows the log until stopped. @throws when the log cannot be read: call it again */
  async follow(): Promise<void> {
    const cursor = await this.#log.open(this.history.seq);
    this.#cursor = cursor;
    for (let entries = await cursor.next(); entries.length > 0; entries = await cursor.next()) {
      for (const entry of entries) this.history.apply(entry);
      this.#onChange();
      this.#waiting = this.#waiting.filter(({ seq, resolve }) => {
        if (seq > this.history.seq) return true;
        resolve();
        return false;
      });
    }
  }

  /** For how long the log has been known to hold more than the history; 0 while it is not. */
  get behindMs(): number {
    return this.#known.seq > this.history.seq ? this.#now() - this.#known.sinceMs : 0;
  }

  /** Asks where the log ends, and does not wait for what it holds. @throws when it cannot be reached */
  async look(): Promise<number> {
    const seq = await this.#log.lastSeq();
    this.#known = {
      seq: Math.max(seq, this.#known.seq),
      sinceMs: this.behindMs > 0 ? this.#known.sinceMs : this.#now(),
    };
    return seq;
  }

  /** Resolves when the history has reached a sequence of the log. */
  async reached(seq: number): Promise<void> {
    if (this.history.seq >= seq) return;
    await new Promise<void>((resolve) => this.#waiting.push({ seq, resolve }));
  }

  /**
   * Resolves when the history has what the log has now.
   * @returns whether it had less
   * @throws when the log cannot be reached
   */
  async catchUp(): Promise<boolean> {
    const [knownSeq, lastSeq] = [this.history.seq, await this.look()];
    await this.reached(lastSeq);
    return lastSeq > knownSeq;
  }

  /**
   * @param precondition looks at what the command is about to change, and throws when it must not be carried out
   * @returns the fact as recorded
   * @throws Failure not_found, conflict, invalid or unavailable, or what the precondition throws
   */
  async execute(
    command: TopologyCommand,
    precondition: (view: TopologyView) => void = () => undefined,
  ): Promise<TopologyFact> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const decidedAt = this.history.seq;
      let fact: TopologyFact;
      try {
        precondition(this.history.latest());
        fact = decideTopology(this.history.latest(), command, this.#now());
      } catch (refusal) {
        // Another process may have written what this one has not heard of.
        if (await this.catchUp().catch(unavailable)) continue;
        throw refusal;
      }
      const seq = await this.#log.append(fact, decidedAt).catch(unavailable);
      if (seq !== undefined) {
        await this.reached(seq);
        return fact;
      }
      // Somebody else wrote: decide again on what they wrote.
      await this.reached(decidedAt + 1);
    }
    throw new Failure('unavailable', 'the topology is changing too fast', { retryAfterSeconds: 1 });
  }

  /** True when the log does not hold what was read from it. @throws when it cannot be reached */
  async hasLogGoneBack(): Promise<boolean> {
    const { seq } = this.history;
    if (seq === 0) return false;
    const [here] = this.history.entries(seq - 1, seq);
    return JSON.stringify(await this.#log.at(seq)) !== JSON.stringify(here?.fact);
  }

  /** Forgets what was read, and reads the log from its beginning. Nobody may route by it meanwhile. */
  async startOver(): Promise<void> {
    this.history.clear();
    await this.#cursor?.close();
  }

  async stop(): Promise<void> {
    await this.#cursor?.close();
  }
}

function unavailable(cause: unknown): never {
  throw new Failure('unavailable', 'the topology cannot be changed now', { cause, retryAfterSeconds: 5 });
}

// Whether all is well in the cluster, asked of any process. Each process looks at itself every few seconds and announces what it
// finds with its membership; so whoever is asked knows of all, and what a dead process announced is forgotten with it.
//
// What is looked at is a list of sources: each gives the problems it sees now, and none when all is well.
import type { Problem } from '../domain/health.ts';
import type { Member } from '../ports/leases.ts';
import type { Timing } from '../runtime/timing.ts';

const LOOK_INTERVAL_MS = 5_000;
/** An announcement is renewed every second or two: whoever cannot do anything has one problem for each shard, and not more to say. */
const ANNOUNCED_MAX = 20;

export type ProblemSource = () => readonly Problem[] | Promise<readonly Problem[]>;

export interface HealthDeps {
  readonly member: Pick<Member, 'id' | 'name'>;
  /** What this process sees of itself; it is announced. */
  readonly own: readonly ProblemSource[];
  /** What every process sees alike; it is not. */
  readonly shared: readonly ProblemSource[];
  readonly members: () => readonly Member[];
  readonly timing: Timing;
}

export class Health {
  readonly #deps: HealthDeps;
  #own: readonly Problem[] = [];

  constructor(deps: HealthDeps) {
    this.#deps = deps;
  }

  /** What this process saw of itself when it last looked. */
  get own(): readonly Problem[] {
    return this.#own;
  }

  /** What others are to hear. */
  get announced(): readonly Problem[] {
    return this.#own.slice(0, ANNOUNCED_MAX);
  }

  /** Looks now. @returns the problems of the whole cluster */
  async problems(): Promise<Problem[]> {
    const { member, shared, members } = this.#deps;
    const [, ofAll] = await Promise.all([this.#look(), seenBy(shared)]);
    const elsewhere = members().flatMap(({ id, problems = [] }) => (id === member.id ? [] : problems));
    return [...ofAll, ...this.#own, ...elsewhere];
  }

  /** Looks at this process again and again, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await this.#deps.timing.pause(LOOK_INTERVAL_MS, signal);
    }
  }

  async #look(): Promise<void> {
    const {
      own,
      member: { name },
    } = this.#deps;
    this.#own = (await seenBy(own)).map((problem) => ({ ...problem, process: name }));
  }
}

/** A source that fails is a problem itself: it would otherwise look as if all were well. */
async function seenBy(sources: readonly ProblemSource[]): Promise<Problem[]> {
  const all = await Promise.all(
    sources.map(async (source) => {
      try {
        return await source();
      } catch (error) {
        return [{ code: 'check_failed', detail: `a check of the health failed: ${String(error)}` }];
      }
    }),
  );
  return all.flat();
}

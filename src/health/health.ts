// The health of the cluster, known to every process. Each process checks itself every few seconds and announces its problems with its
// membership, so every process knows all problems, and those of a dead process expire with its membership.
//
// A check is a list of sources, each of which returns the current problems of one kind.
import type { Problem } from '../domain/health.ts';
import type { Member } from '../ports/leases.ts';
import type { Timing } from '../runtime/timing.ts';

const CHECK_INTERVAL_MS = 5_000;
/**
 * Limits the announcement, which is renewed every second or two, because a process that cannot do anything has a
 * problem for each shard.
 */
const ANNOUNCED_MAX = 20;

export type ProblemSource = () => readonly Problem[] | Promise<readonly Problem[]>;

export interface HealthDeps {
  readonly member: Pick<Member, 'id' | 'name'>;
  /** Problems of this process, which it announces. */
  readonly own: readonly ProblemSource[];
  /** Problems that every process sees in the same way, so they need no announcement. */
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

  /** The problems of this process at its last check. */
  get own(): readonly Problem[] {
    return this.#own;
  }

  /** The problems to announce. */
  get announced(): readonly Problem[] {
    return this.#own.slice(0, ANNOUNCED_MAX);
  }

  /** Checks now. @returns the problems of the whole cluster */
  async problems(): Promise<Problem[]> {
    const { member, shared, members } = this.#deps;
    const [, ofAll] = await Promise.all([this.#check(), problemsOf(shared)]);
    const elsewhere = members().flatMap(({ id, problems = [] }) => (id === member.id ? [] : problems));
    return [...ofAll, ...this.#own, ...elsewhere];
  }

  /** Checks this process at intervals until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#check();
      await this.#deps.timing.pause(CHECK_INTERVAL_MS, signal);
    }
  }

  async #check(): Promise<void> {
    const {
      own,
      member: { name },
    } = this.#deps;
    this.#own = (await problemsOf(own)).map((problem) => ({ ...problem, process: name }));
  }
}

/** A source that fails is reported as a problem, because otherwise nothing would seem to be wrong. */
async function problemsOf(sources: readonly ProblemSource[]): Promise<Problem[]> {
  const all = await Promise.all(
    sources.map(async (source) => {
      try {
        return await source();
      } catch (error) {
        return [{ code: 'check_failed', detail: `a health check failed: ${String(error)}` }];
      }
    }),
  );
  return all.flat();
}

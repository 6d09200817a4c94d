// The account: every accepted reading is either applied, a duplicate, held, excluded, deleted or dead-lettered.
import { allPartitions } from '../domain/partition.ts';
import type { DeadLetters, ItemsByReason } from '../ports/dead-letters.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';

export interface Account {
  /** Items that routers have read from the READINGS log, valid or not. */
  readonly accepted: number;
  /** Distinct readings that count in a space. */
  readonly applied: number;
  readonly duplicate: number;
  /** Distinct readings whose DPU was above no doorway at their event time. */
  readonly held: number;
  /** Distinct readings in an exclusion of their DPU. */
  readonly excluded: number;
  /** Distinct readings that somebody has deleted, wherever their DPU was. */
  readonly deleted: number;
  readonly deadLettered: number;
  /** Items of the dead letters that are kept, by reason. */
  readonly deadLetters: ItemsByReason;
  /** Items of evicted dead letters, by reason. Both together are `deadLettered`. */
  readonly evicted: ItemsByReason;
  /** accepted - applied - duplicate - held - excluded - deleted - deadLettered. Anything but 0 is a defect. */
  readonly remainder: number;
}

export class Accounts {
  readonly #events: SpaceEventsLog;
  readonly #deadLetters: DeadLetters;
  readonly #partitions: number;

  constructor(events: SpaceEventsLog, deadLetters: DeadLetters, partitions: number) {
    this.#events = events;
    this.#deadLetters = deadLetters;
    this.#partitions = partitions;
  }

  /** Reads the account from the routers' last commits. */
  async read(): Promise<Account> {
    const routers = allPartitions(this.#partitions).map((router) => this.#events.lastCommit(router));
    let [accepted, fresh, held, excluded, deleted, duplicate, deadLettered] = [0, 0, 0, 0, 0, 0, 0];
    for (const { header } of await Promise.all(routers)) {
      if (!header) continue;
      accepted += header.counters.received;
      fresh += header.counters.fresh;
      held += header.counters.held;
      excluded += header.counters.excluded;
      deleted += header.counters.deleted;
      duplicate += header.counters.duplicate;
      deadLettered += header.counters.dead;
    }
    const applied = fresh - held - excluded - deleted;
    const { kept, evicted } = await this.#deadLetters.count();
    return {
      accepted,
      applied,
      duplicate,
      held,
      excluded,
      deleted,
      deadLettered,
      deadLetters: kept,
      evicted,
      remainder: accepted - applied - duplicate - held - excluded - deleted - deadLettered,
    };
  }
}

// Collects what one commit of a router asserts: events for space partitions, heartbeats, configurations, and the
// change to the account.
import type { Partition } from '../domain/ids.ts';
import { NOWHERE } from '../domain/ids.ts';
import type { Heartbeat, PartitionSection, RouterCounters, SpaceConfig } from '../domain/commit.ts';
import { configBytesMax, eventBytesMax } from '../domain/commit-codec.ts';
import type { Passed } from '../domain/measure.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { Reading } from '../domain/reading.ts';
import { attribute, uncountedAs, type SpaceEvent } from '../domain/space-event.ts';
import type { Settings } from '../domain/topology.ts';
import type { TopologyView } from '../domain/topology-history.ts';

/** Well below the 1 MB limit of a NATS message. */
const BYTES_MAX = 512 * 1024;

interface SectionDraft extends PartitionSection {
  readonly events: SpaceEvent[];
  readonly heartbeats: Heartbeat[];
  readonly configs: SpaceConfig[];
  settings: Settings | undefined;
}

export class CommitDraft {
  readonly #partitions: number;
  readonly #sections = new Map<Partition, SectionDraft>();
  #bytesMax = 0;
  readonly counters: { -readonly [Name in keyof RouterCounters]: number };

  constructor(partitions: number, counters: RouterCounters) {
    this.#partitions = partitions;
    this.counters = { ...counters };
  }

  get isEmpty(): boolean {
    return this.#sections.size === 0;
  }

  /** True when the next item needs another commit, because a commit must fit into one message. */
  get isFull(): boolean {
    return this.#bytesMax >= BYTES_MAX;
  }

  get sections(): ReadonlyMap<Partition, PartitionSection> {
    return this.#sections;
  }

  /** Asserts a reading in the spaces where it counts. */
  assert(view: TopologyView, reading: Reading, passed: Passed): void {
    this.#attribute(view, reading, passed, 1);
  }

  /** Retracts the events that were asserted under a topology. */
  retract(view: TopologyView, reading: Reading, passed: Passed): void {
    this.#attribute(view, reading, passed, -1);
  }

  heartbeat(beat: Heartbeat): void {
    this.#section(partitionOfSpace(beat.spaceId, this.#partitions)).heartbeats.push(beat);
  }

  /** Configurations and settings are for the router's own partition. */
  configure(own: Partition, config: SpaceConfig): void {
    this.#section(own).configs.push(config);
    this.#bytesMax += configBytesMax(config);
  }

  set(own: Partition, settings: Settings): void {
    this.#section(own).settings = settings;
  }

  #attribute(view: TopologyView, reading: Reading, passed: Passed, sign: 1 | -1): void {
    for (const event of attribute(view, reading, passed, sign)) {
      this.#section(partitionOfSpace(event.spaceId, this.#partitions)).events.push(event);
      this.#bytesMax += eventBytesMax(event);
      if (event.spaceId === NOWHERE) this.counters[uncountedAs(event.doorwayId)] += sign;
    }
  }

  #section(partition: Partition): SectionDraft {
    let section = this.#sections.get(partition);
    if (!section) {
      section = { events: [], heartbeats: [], configs: [], settings: undefined };
      this.#sections.set(partition, section);
    }
    return section;
  }
}

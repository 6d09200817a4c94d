// Collects what one commit of a router says: events for space partitions, heartbeats, configurations,
// and the change of the account.
import type { Partition } from '../domain/ids.ts';
import { UNPLACED } from '../domain/ids.ts';
import { encodeSpaceEntry, type Heartbeat, type RouterCounters, type SpaceConfig } from '../domain/log-entry.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { Reading } from '../domain/reading.ts';
import { attribute, type SpaceEvent } from '../domain/space-event.ts';
import type { Settings } from '../domain/topology.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { PartitionPayload } from '../ports.ts';

/** Keeps a payload well under NATS's 1 MB, at about 60 bytes an event. */
const EVENTS_PER_PAYLOAD_MAX = 5_000;

interface PartitionDraft {
  readonly events: SpaceEvent[];
  readonly heartbeats: Heartbeat[];
}

export class CommitDraft {
  readonly #partitions: number;
  readonly #drafts = new Map<Partition, PartitionDraft>();
  #events = 0;
  readonly counters: { -readonly [Name in keyof RouterCounters]: number };

  constructor(partitions: number, counters: RouterCounters) {
    this.#partitions = partitions;
    this.counters = { ...counters };
  }

  get events(): number {
    return this.#events;
  }

  /** Says where a reading counts, or takes that back. */
  say(view: TopologyView, reading: Reading, sign: 1 | -1): void {
    for (const event of attribute(view, reading, sign)) {
      this.#draft(partitionOfSpace(event.spaceId, this.#partitions)).events.push(event);
      this.#events += 1;
      if (event.spaceId === UNPLACED) this.counters.held += sign;
    }
  }

  heartbeat(beat: Heartbeat): void {
    this.#draft(partitionOfSpace(beat.spaceId, this.#partitions)).heartbeats.push(beat);
  }

  /** The payloads; configurations and settings go to the router's own partition. */
  payloads(own: Partition, configs: readonly SpaceConfig[], settings: Settings | undefined): PartitionPayload[] {
    const payloads: PartitionPayload[] = [];
    if (configs.length > 0 || settings !== undefined) {
      payloads.push({ partition: own, data: encodeSpaceEntry({ events: [], heartbeats: [], configs, settings }) });
    }
    for (const [partition, { events, heartbeats }] of this.#drafts) {
      for (let at = 0; at === 0 || at < events.length; at += EVENTS_PER_PAYLOAD_MAX) {
        const entry = { events: events.slice(at, at + EVENTS_PER_PAYLOAD_MAX), heartbeats: at === 0 ? heartbeats : [], configs: [], settings: undefined };
        payloads.push({ partition, data: encodeSpaceEntry(entry) });
      }
    }
    return payloads;
  }

  #draft(partition: Partition): PartitionDraft {
    let draft = this.#drafts.get(partition);
    if (!draft) {
      draft = { events: [], heartbeats: [] };
      this.#drafts.set(partition, draft);
    }
    return draft;
  }
}

// The TOPOLOGY stream. It keeps all versions of a fact, not only the last one per subject, because a router must know
// how it attributed readings before a change in order to retract them (docs/adr/0002).
import { type JetStreamClient, JetStreamApiError } from '@nats-io/jetstream';
import { nuid } from 'nats';
import { tokenOfDpu } from '../domain/ids.ts';
import type { TopologyFact } from '../domain/topology.ts';
import type { ReadTopologyEntry, TopologyCursor, TopologyLog } from '../ports/topology-log.ts';
import { heldOf, messageAt } from './stored-messages.ts';
import { openCursor } from './log-cursor.ts';
import { TOPOLOGY } from './streams.ts';

const WRONG_LAST_SEQUENCE = 10071;
const damaged = (what: string): string =>
  `TOPOLOGY is damaged: ${what}. Stop nats-server, move all .blk files of TOPOLOGY out of its store, and start it again: the service then restores TOPOLOGY from ClickHouse (docs/operations.md)`;
const returnedWithOtherBytes = (seq: number): string =>
  damaged(`nats-server returns entry ${seq} with other bytes than were stored`);
const notReturned = (seq: number): string => damaged(`nats-server holds entry ${seq} and does not return it`);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class NatsTopologyLog implements TopologyLog {
  readonly #js: JetStreamClient;

  constructor(js: JetStreamClient) {
    this.#js = js;
  }

  async open(afterSeq: number): Promise<TopologyCursor> {
    const cursor = await openCursor(this.#js, TOPOLOGY, ['topology.>'], afterSeq);
    let lastSeq = afterSeq;
    let damage: string | undefined;
    return {
      next: async () => {
        const entries: ReadTopologyEntry[] = [];
        while (entries.length === 0) {
          if (damage !== undefined) throw new Error(damage);
          const stored = await cursor.next(1_000);
          if (stored.length === 0) return [];
          for (const { seq, timeMs, data } of stored) {
            const fact = factIn(data);
            damage = fact ? await this.#damageBetween(lastSeq, seq) : returnedWithOtherBytes(seq);
            if (!fact || damage !== undefined) break;
            entries.push({ seq, storedMs: timeMs, fact, bytes: data });
            lastSeq = seq;
          }
        }
        return entries;
      },
      close: () => cursor.close(),
    };
  }

  async append(fact: TopologyFact, expectedSeq: number): Promise<number | undefined> {
    try {
      // With the message id, the client's retries are harmless if a reply was lost.
      const options = { msgID: nuid.next(), expect: { lastSequence: expectedSeq }, retries: 3 };
      const ack = await this.#js.publish(subjectOf(fact), encoder.encode(JSON.stringify(fact)), options);
      return ack.seq;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return undefined;
      throw error;
    }
  }

  async at(seq: number): Promise<TopologyFact | undefined> {
    const message = await messageAt(await this.#js.jetstreamManager(false), TOPOLOGY, seq);
    return message && factIn(message.data);
  }

  async damageAt(seq: number): Promise<string | undefined> {
    const jsm = await this.#js.jetstreamManager(false);
    const message = await messageAt(jsm, TOPOLOGY, seq);
    if (message) return factIn(message.data) ? undefined : returnedWithOtherBytes(seq);
    return (await heldOf(jsm, TOPOLOGY, [seq])).length > 0 ? notReturned(seq) : undefined;
  }

  /** What is wrong with the entries between two that were read one after the other. */
  async #damageBetween(afterSeq: number, beforeSeq: number): Promise<string | undefined> {
    const between = Array.from({ length: beforeSeq - afterSeq - 1 }, (_, n) => afterSeq + 1 + n);
    if (between.length === 0) return undefined;
    // nats-server skips an entry that it cannot read, and the consumer is not told.
    for (const seq of await heldOf(await this.#js.jetstreamManager(false), TOPOLOGY, between)) {
      const damage = await this.damageAt(seq);
      if (damage !== undefined) return damage;
    }
    return undefined;
  }

  async lastSeq(): Promise<number> {
    const jsm = await this.#js.jetstreamManager(false);
    // Read from the stream's leader, because a replica may lag.
    return (await jsm.streams.info(TOPOLOGY)).state.last_seq;
  }
}

/** Undefined if the bytes are not a fact. */
function factIn(data: Uint8Array): TopologyFact | undefined {
  try {
    return JSON.parse(decoder.decode(data)) as TopologyFact;
  } catch {
    return undefined;
  }
}

function subjectOf(fact: TopologyFact): string {
  switch (fact.kind) {
    case 'reset':
      return `topology.reset.${fact.doc.spaceId}`;
    case 'exclusion':
    case 'deletion':
      return `topology.${fact.kind}.${tokenOfDpu(fact.doc.dpuId)}`;
    case 'settings':
    case 'epoch':
    case 'batch':
      return `topology.${fact.kind}`;
    case 'space':
    case 'doorway':
    case 'dpu':
    case 'device':
      return `topology.${fact.kind}.${fact.doc.id}`;
  }
}

// The TOPOLOGY stream. It keeps all versions of a fact, not only the last one per subject, because a router must know
// how it attributed readings before a change in order to retract them (docs/adr/0002).
import { type JetStreamClient, JetStreamApiError } from '@nats-io/jetstream';
import { nuid } from 'nats';
import { tokenOfDpu } from '../domain/ids.ts';
import type { TopologyEntry, TopologyFact } from '../domain/topology.ts';
import type { TopologyCursor, TopologyLog } from '../ports/topology-log.ts';
import { messageAt } from './stored-messages.ts';
import { openCursor } from './log-cursor.ts';
import { TOPOLOGY } from './streams.ts';

const WRONG_LAST_SEQUENCE = 10071;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class NatsTopologyLog implements TopologyLog {
  readonly #js: JetStreamClient;

  constructor(js: JetStreamClient) {
    this.#js = js;
  }

  async open(afterSeq: number): Promise<TopologyCursor> {
    const cursor = await openCursor(this.#js, TOPOLOGY, ['topology.>'], afterSeq);
    return {
      next: async () =>
        (await cursor.next(1_000)).map(({ seq, timeMs, data }): TopologyEntry => ({
          seq,
          storedMs: timeMs,
          fact: JSON.parse(decoder.decode(data)) as TopologyFact,
        })),
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
    return message && (JSON.parse(decoder.decode(message.data)) as TopologyFact);
  }

  async lastSeq(): Promise<number> {
    const jsm = await this.#js.jetstreamManager(false);
    // Read from the stream's leader, because a replica may lag.
    return (await jsm.streams.info(TOPOLOGY)).state.last_seq;
  }
}

function subjectOf(fact: TopologyFact): string {
  switch (fact.kind) {
    case 'reset':
      return `topology.reset.${fact.doc.spaceId}`;
    case 'exclusion':
      return `topology.exclusion.${tokenOfDpu(fact.doc.dpuId)}`;
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

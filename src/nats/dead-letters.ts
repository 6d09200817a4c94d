// The DEAD_LETTERS stream: `dead.<reason>.<sequence in READINGS>.<index>`, one message per subject, so
// that a router that begins anew stores no letter twice.
import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { headers } from 'nats';
import type { RejectReason } from '../domain/reading.ts';
import type { DeadLetter, DeadLetters } from '../ports.ts';
import { DEAD_LETTERS } from './streams.ts';

const REASONS: readonly RejectReason[] = ['bad_json', 'bad_reading', 'bad_dpu_id', 'bad_timestamp', 'bad_direction', 'bad_id', 'future'];
const IN_FLIGHT_MAX = 500;

export interface StoredDeadLetter extends DeadLetter {
  readonly storedMs: number;
}

export class NatsDeadLetters implements DeadLetters {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js;
    this.#jsm = jsm;
  }

  async store(letters: readonly DeadLetter[]): Promise<void> {
    for (let at = 0; at < letters.length; at += IN_FLIGHT_MAX) {
      await Promise.all(letters.slice(at, at + IN_FLIGHT_MAX).map((letter) => this.#storeOne(letter)));
    }
  }

  /** By the number a consumer of each reason would have to read: the server knows it without a scan of subjects. */
  async count(): Promise<Partial<Record<RejectReason, number>>> {
    const counts: Partial<Record<RejectReason, number>> = {};
    for (const reason of REASONS) {
      const consumer = await this.#jsm.consumers.add(DEAD_LETTERS, {
        filter_subject: `dead.${reason}.>`, ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All,
        inactive_threshold: 5_000_000_000, mem_storage: true,
      });
      if (consumer.num_pending > 0) counts[reason] = consumer.num_pending;
      await this.#jsm.consumers.delete(DEAD_LETTERS, consumer.name);
    }
    return counts;
  }

  /** The last that were stored, the oldest first. Reads all there are. */
  async newest(limit: number): Promise<StoredDeadLetter[]> {
    const newest: StoredDeadLetter[] = [];
    const consumer = await this.#js.consumers.get(DEAD_LETTERS, { deliver_policy: DeliverPolicy.All });
    if ((await consumer.info()).num_pending === 0) return [];
    for await (const message of await consumer.consume()) {
      const about = (name: string): string => message.headers?.get(name) ?? '';
      newest.push({
        reason: about('reason') as RejectReason, detail: about('detail'), subject: about('subject'), readingsSeq: Number(about('readings-seq')), index: Number(about('index')),
        raw: message.data, storedMs: message.time.getTime(),
      });
      if (newest.length > limit) newest.shift();
      if (message.info.pending === 0) break;
    }
    return newest;
  }

  async #storeOne(letter: DeadLetter): Promise<void> {
    const about = headers();
    about.set('reason', letter.reason);
    about.set('detail', letter.detail);
    about.set('subject', letter.subject);
    about.set('readings-seq', String(letter.readingsSeq));
    about.set('index', String(letter.index));
    await this.#js.publish(`dead.${letter.reason}.${letter.readingsSeq}.${letter.index}`, letter.raw, { headers: about });
  }
}

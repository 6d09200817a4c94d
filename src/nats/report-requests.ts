// Questions about spaces, as NATS requests. Each shard has a subject for the process that believes it owns the shard,
// and one for processes with a standby copy. If no process is subscribed, the server replies so at once. A process
// that is no longer the owner sends no reply, so that its refusal cannot overtake the new owner's answer.
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { NoRespondersError, RequestError, TimeoutError, type Msg, type NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { decodeReport, encodeReport } from '../../actors/partition/report-codec.ts';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import type { ReportAnswer, ReportRequests, Respondent } from '../ports/reports.ts';

/** Longer reports are compressed. Most have a few hundred bytes. */
const PLAIN_BYTES_MAX = 16 * 1024;
const GZIP_MARK = 0x1f;
const [zip, unzip] = [promisify(gzip), promisify(gunzip)];

interface WireQuestion {
  readonly space: number;
  readonly at: number;
}

export class NatsReportRequests implements ReportRequests {
  readonly #nc: NatsConnection;
  readonly #log: Logger;

  constructor(nc: NatsConnection, log: Logger) {
    this.#nc = nc;
    this.#log = log;
  }

  async ask(
    shard: Partition,
    respondent: Respondent,
    spaceId: SpaceId,
    atMs: number,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'> {
    const question: WireQuestion = { space: spaceId, at: atMs };
    try {
      const { data } = await this.#nc.request(subject(shard, respondent), JSON.stringify(question), {
        timeout: timeoutMs,
      });
      const text = data[0] === GZIP_MARK ? (await unzip(data)).toString('utf8') : new TextDecoder().decode(data);
      return decodeReport(text);
    } catch (error) {
      if (error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders()))
        return 'nobody';
      if (error instanceof TimeoutError || error instanceof RequestError) return 'silence';
      throw error;
    }
  }

  answer(shard: Partition, respondent: Respondent, answer: ReportAnswer): () => void {
    const subscription = this.#nc.subscribe(subject(shard, respondent), {
      callback: (error, message) => {
        if (error) return;
        void this.#respond(message, answer).catch((cause: unknown) =>
          this.#log.warn({ err: cause, shard, respondent }, 'a question about a space could not be answered'),
        );
      },
    });
    return () => subscription.unsubscribe();
  }

  async #respond(message: Msg, answer: ReportAnswer): Promise<void> {
    const { space, at } = message.json<WireQuestion>();
    const report = await answer(space as SpaceId, at);
    if (!report) return;
    const text = encodeReport(report);
    message.respond(text.length > PLAIN_BYTES_MAX ? await zip(text) : text);
  }
}

const subject = (shard: Partition, respondent: Respondent): string => `density.shards.${shard}.${respondent}`;

// How far in the future a reading's timestamp may be: by default the skew allowance ahead of its arrival in READINGS,
// by that log's clock. A reading accepted over HTTP may be as late as HTTP allowed when it answered 202: it must not
// become a dead letter because the routing process has a different clock or setting.
//
// The limit that HTTP applied travels with the message as a mark, signed with a key that only the service has. A
// device that shares the service's NATS account could send the same header, but without the key its mark is ignored.
// The signature covers the DPU and the bytes, so a mark cannot be moved to another message.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { deviceOf, tokenOfDpu, type DpuId } from '../domain/ids.ts';
import { EARLIEST_MS } from '../domain/parse-reading.ts';
import type { StoredEntry } from '../domain/log-entry.ts';

export class TimestampBound {
  readonly #skewMs: number;
  readonly #key: string | undefined;
  /** The earliest accepted timestamp. A device that reports an earlier time has not set its clock. */
  readonly earliestMs: number;

  /**
   * @param skewMs how far ahead of its arrival a reading's timestamp may be
   * @param key shared by all processes; without one, no message is marked and no mark is accepted
   * @param earliestMs the earliest accepted timestamp
   */
  constructor(skewMs: number, key: string | undefined, earliestMs = EARLIEST_MS) {
    this.earliestMs = earliestMs;
    this.#skewMs = skewMs;
    this.#key = key;
  }

  /** The latest timestamp allowed for a reading that arrives at an instant. */
  at(arrivalMs: number): number {
    return arrivalMs + this.#skewMs;
  }

  /** The mark for a message whose readings were accepted up to `latestMs`; undefined without a key. */
  mark(dpuId: DpuId, data: Uint8Array, latestMs: number): string | undefined {
    return this.#key === undefined
      ? undefined
      : `${latestMs}.${signature(this.#key, tokenOfDpu(deviceOf(dpuId)), data, latestMs)}`;
  }

  /** The latest timestamp allowed for readings in an entry of READINGS. */
  of({ subject, timeMs, data, mark }: StoredEntry): number {
    const latestMs = this.at(timeMs);
    if (this.#key === undefined || mark === undefined) return latestMs;
    const [accepted = '', signed = ''] = mark.split('.');
    const acceptedMs = Number(accepted);
    // In most cases the default limit is later, and the signature need not be verified.
    if (!(acceptedMs > latestMs)) return latestMs;
    const [, , token = ''] = subject.split('.');
    const [is, shouldBe] = [Buffer.from(signed), Buffer.from(signature(this.#key, token, data, acceptedMs))];
    return is.length === shouldBe.length && timingSafeEqual(is, shouldBe) ? acceptedMs : latestMs;
  }
}

function signature(key: string, token: string, data: Uint8Array, latestMs: number): string {
  return createHmac('sha256', key).update(`${latestMs} ${token} `).update(data).digest('base64url');
}

// How far in the future a reading may be: so far ahead of its arrival in READINGS, by the clock of that log; and where HTTP
// has accepted it, as far as it was accepted by. A reading that was answered 202 must not become a dead letter because the
// clock, or the setting, is another where it is routed.
//
// What HTTP accepted by travels with the message as a mark, signed with a key that only the service has. A device may send
// the same header, in an account that it shares with the service, too: it has not the key, and its mark is ignored. The
// signature covers the DPU and the bytes, so that a mark cannot be put on another message.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { EARLIEST_MS } from '../domain/parse-reading.ts';
import type { StoredEntry } from '../domain/log-entry.ts';

export class TimestampBound {
  readonly #skewMs: number;
  readonly #key: string | undefined;
  /** A device whose clock says an earlier time has not set it. */
  readonly earliestMs: number;

  /**
   * @param skewMs how far ahead of its arrival a reading's timestamp may be
   * @param key the same in every process; without one nothing is marked, and no mark believed
   * @param earliestMs the earliest timestamp that is accepted
   */
  constructor(skewMs: number, key: string | undefined, earliestMs = EARLIEST_MS) {
    this.earliestMs = earliestMs;
    this.#skewMs = skewMs;
    this.#key = key;
  }

  /** The latest timestamp of what arrives at an instant. */
  at(arrivalMs: number): number {
    return arrivalMs + this.#skewMs;
  }

  /** The mark for a message whose readings were accepted up to an instant. */
  mark(dpuId: string, data: Uint8Array, latestMs: number): string | undefined {
    return this.#key === undefined ? undefined : `${latestMs}.${signature(this.#key, dpuId, data, latestMs)}`;
  }

  /** The latest timestamp that a reading in an entry of READINGS may have. */
  of({ subject, timeMs, data, mark = '' }: StoredEntry): number {
    const latestMs = this.at(timeMs);
    const [accepted = '', signed = ''] = mark.split('.');
    const acceptedMs = Number(accepted);
    // Mostly the arrival is later, and the signature need not be looked at.
    if (this.#key === undefined || !(acceptedMs > latestMs)) return latestMs;
    const [, , dpuId = ''] = subject.split('.');
    const [is, shouldBe] = [Buffer.from(signed), Buffer.from(signature(this.#key, dpuId, data, acceptedMs))];
    return is.length === shouldBe.length && timingSafeEqual(is, shouldBe) ? acceptedMs : latestMs;
  }
}

function signature(key: string, dpuId: string, data: Uint8Array, latestMs: number): string {
  return createHmac('sha256', key).update(`${latestMs} ${dpuId} `).update(data).digest('base64url');
}

// Limits how often codes are asked for and guessed, and cookies invented. Each process counts separately.
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { tooMany } from '../problem.ts';

const MINUTE_SECONDS = 60;
/** Wrong codes of one person in a minute. There are 64 million codes, of which at most a hundred are shown. */
export const WRONG_CODES_MAX = 10;
/** New codes for one address in ten minutes, which is how long a code lasts. All displays may have the address of a proxy. */
export const NEW_CODES_MAX = 50;
const NEW_CODES_SECONDS = 10 * MINUTE_SECONDS;

/**
 * Cookies from one address in a minute that this process does not know; each takes reads in NATS. All displays of a building may have the
 * address of a proxy, and after a restart all are unknown at once, but those that are paired do not count.
 */
export const UNKNOWN_COOKIES_MAX = 1_200;

export class PairingLimits {
  readonly #unknown = new RateLimiterMemory({ points: UNKNOWN_COOKIES_MAX, duration: MINUTE_SECONDS });
  readonly #wrong = new RateLimiterMemory({ points: WRONG_CODES_MAX, duration: MINUTE_SECONDS });
  readonly #begun = new RateLimiterMemory({ points: NEW_CODES_MAX, duration: NEW_CODES_SECONDS });

  /** Counted before the cookie is looked up. @throws HttpProblem 429 */
  async countUnknown(address: string): Promise<void> {
    await consume(this.#unknown, address, 'too many displays that are not paired were opened from this address: wait');
  }

  /** The cookie was that of a display. */
  async forgiveUnknown(address: string): Promise<void> {
    await this.#unknown.reward(address);
  }

  /** Counted before a code is looked up, so that many at once cannot pass together. @throws HttpProblem 429 */
  async countCode(person: string): Promise<void> {
    await consume(this.#wrong, person, 'too many wrong codes: wait before you enter another one');
  }

  /** The code that was counted was right. */
  async forgiveCode(person: string): Promise<void> {
    await this.#wrong.reward(person);
  }

  /** @throws HttpProblem 429 */
  async countNew(address: string): Promise<void> {
    await consume(this.#begun, address, 'too many displays were opened from this address: wait');
  }

  /** Takes the last request out of the count, because it was given no code. */
  async forgiveNew(address: string): Promise<void> {
    await this.#begun.reward(address);
  }
}

async function consume(limiter: RateLimiterMemory, key: string, detail: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw tooMany(detail, error.msBeforeNext);
  }
}

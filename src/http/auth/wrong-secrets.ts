// Counts wrong secrets before they are compared, because comparing one is slow. A request counts as wrong from its beginning
// until its secret is found to be right, so that many at once cannot pass together.
//
// They are counted by address and device, so that a device with a wrong secret, or an attacker, only locks itself out; and
// by address, because an attacker may invent any number of devices. An address may be that of a proxy in front of all
// devices, so beyond its limit each device that has a secret still gets one comparison per window. Those are counted
// separately: only existing devices get them, and the limits must not reveal which devices exist.
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

const WINDOW_SECONDS = 60;
/** Wrong secrets for one device from one address, and requests with wrong secrets from one address, in a window. */
export const [WRONG_OF_DEVICE_MAX, WRONG_OF_ADDRESS_MAX] = [10, 30];

export class WrongSecrets {
  readonly #byAddress = new RateLimiterMemory({ points: WRONG_OF_ADDRESS_MAX, duration: WINDOW_SECONDS });
  readonly #within = new RateLimiterMemory({ points: WRONG_OF_DEVICE_MAX, duration: WINDOW_SECONDS });
  readonly #beyond = new RateLimiterMemory({ points: 1, duration: WINDOW_SECONDS });

  /** @returns 0, or for how many milliseconds the address is beyond its limit */
  async countRequest(address: string): Promise<number> {
    const { consumedPoints, msBeforeNext } = await this.#byAddress.penalty(address);
    return consumedPoints > WRONG_OF_ADDRESS_MAX ? msBeforeNext : 0;
  }

  /**
   * @param isBeyond whether the address is beyond its limit
   * @returns 0 if the secret may be compared, or for how many milliseconds it may not
   */
  async countSecret(address: string, device: string, isBeyond: boolean): Promise<number> {
    try {
      await (isBeyond ? this.#beyond : this.#within).consume(keyOf(address, device));
      return 0;
    } catch (error) {
      if (error instanceof RateLimiterRes) return error.msBeforeNext;
      throw error;
    }
  }

  /** The secret of a counted request was right. */
  async forgive(address: string, device: string): Promise<void> {
    await this.#byAddress.reward(address);
    for (const limiter of [this.#within, this.#beyond]) await limiter.delete(keyOf(address, device));
  }
}

function keyOf(address: string, device: string): string {
  return `${address} ${device}`;
}

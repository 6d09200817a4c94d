// Bounds the cost of invented display cookies, because each lookup reads NATS. A cookie that this process has found before is looked up
// every time it is sent, so that a removed display is refused at once. All others count against their address.
import type { SpaceId } from '../../domain/ids.ts';
import { DISPLAYS_MAX, isCredential, type DisplayCredential, type Displays } from './displays.ts';
import type { PairingLimits } from './pairing-limits.ts';
import type { Principal } from './principal.ts';

type Limits = Pick<PairingLimits, 'countUnknown' | 'forgiveUnknown'>;

export class CookieLookups {
  readonly #displays: Displays;
  readonly #limits: Limits;
  /** Of displays that were paired when they were last looked up; the one that was added first is forgotten first. */
  readonly #found = new Set<DisplayCredential>();

  constructor(displays: Displays, limits: Limits) {
    this.#displays = displays;
    this.#limits = limits;
  }

  /**
   * @param before is done first, and counts as part of the lookup
   * @returns the display with this cookie, if it is paired with the space
   * @throws HttpProblem 429
   */
  async paired(
    cookie: DisplayCredential | undefined,
    spaceId: SpaceId,
    address: string,
    before: () => Promise<void> = async () => undefined,
  ): Promise<Principal | undefined> {
    if (!isCredential(cookie)) return undefined;
    const isNew = !this.#found.has(cookie);
    if (isNew) await this.#limits.countUnknown(address);
    try {
      await before();
      const principal = await this.#displays.verify(cookie, spaceId);
      if (principal) this.#remember(cookie);
      else this.#found.delete(cookie);
      if (principal && isNew) await this.#limits.forgiveUnknown(address);
      return principal;
    } catch (error) {
      // NATS is unavailable, so the cookie may be that of a display.
      if (isNew) await this.#limits.forgiveUnknown(address);
      throw error;
    }
  }

  #remember(cookie: DisplayCredential): void {
    this.#found.add(cookie);
    for (const oldest of this.#found) {
      if (this.#found.size <= DISPLAYS_MAX) return;
      this.#found.delete(oldest);
    }
  }
}

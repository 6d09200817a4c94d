// Answers that go on are ended as soon as a new request with their token would be refused: its entry is gone or has lost the scope,
// its signing key is gone, or it has expired. One timer for all of them; tokens are checked again only after something has changed.
import { isAllowed, type Principal, type TokenVerifier } from './principal.ts';
import type { Scope } from '../routes/route.ts';

const INTERVAL_MS = 500;

export interface Watched {
  readonly token: string;
  readonly scope: Scope;
  /** Of the verifier, when the token was found good. */
  version: number;
  expiresAtMs: number | undefined;
  /** Called once. */
  readonly end: () => void;
}

export class TokenWatch {
  readonly #verifier: TokenVerifier;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;

  constructor(verifier: TokenVerifier) {
    this.#verifier = verifier;
  }

  /** @returns how to stop watching; safe to call twice */
  add(watched: Watched): () => void {
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => void this.#check(), INTERVAL_MS).unref();
    return () => this.#remove(watched);
  }

  #remove(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #check(): Promise<void> {
    this.#endExpired();
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      await this.#verifier.refresh();
      await this.#checkChanged(this.#verifier.version);
    } catch {
      // Failure unavailable: nobody can tell now whether tokens are good. They are checked again.
    } finally {
      this.#isChecking = false;
    }
  }

  #endExpired(): void {
    const nowMs = Date.now();
    for (const watched of this.#watched)
      if (watched.expiresAtMs !== undefined && watched.expiresAtMs <= nowMs) this.#end(watched);
  }

  async #checkChanged(version: number): Promise<void> {
    // Many streams have the same token.
    const found = new Map<string, Principal | string>();
    for (const watched of this.#watched) {
      if (watched.version === version) continue;
      const principal = found.get(watched.token) ?? (await this.#verifier.verify(watched.token));
      found.set(watched.token, principal);
      if (typeof principal === 'string' || !isAllowed(principal, watched.scope)) {
        this.#end(watched);
        continue;
      }
      watched.version = version;
      watched.expiresAtMs = principal.expiresAtMs;
    }
  }

  #end(watched: Watched): void {
    this.#remove(watched);
    watched.end();
  }
}

// Ends streaming answers as soon as a new request with their token would be refused: because the token was revoked, has lost the scope,
// or has expired, or because its signing key was removed. One timer serves all streams, and tokens are verified again only after a change.
import { isAllowed, type Principal, type TokenVerifier } from './principal.ts';
import type { Scope } from './scope.ts';

const INTERVAL_MS = 500;

export interface Watched {
  readonly token: string;
  readonly scope: Scope;
  /** The verifier's version when the token was last verified. */
  version: number;
  expiresAtMs: number | undefined;
  /** Called at most once. */
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

  /**
   * @returns a function that stops watching, which may be called twice
   */
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
      // Tokens cannot be verified now; the next check tries again.
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
    // Many streams share a token, which is verified once.
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

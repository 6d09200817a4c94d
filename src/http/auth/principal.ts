// Who asks, and what tells.
import type { Scope } from '../routes/route.ts';

export interface Principal {
  /** For the log and for rate limits; a static token's and a JWT's names never collide. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number | undefined;
}

export interface TokenVerifier {
  /** Changes whenever a token that was good may have become void or lost a scope, other than by expiring. */
  readonly version: number;
  /** @returns why not, as a sentence. @throws Failure unavailable when it cannot be told now */
  verify(token: string): Promise<Principal | string>;
  /** Reads again what may have changed. */
  refresh(): Promise<void>;
}

export function isAllowed({ scopes }: Principal, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

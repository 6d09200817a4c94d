// Who sends a request, and how that is verified.
import type { DpuId, SpaceId } from '../../domain/ids.ts';
import type { Scope } from './scope.ts';

export interface Principal {
  /** For the log and rate limits. A prefix keeps the names of static tokens and JWTs apart. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number | undefined;
  /** May send payloads of this device, and do nothing else. */
  readonly device?: DpuId;
  /** May read the count of this space, and do nothing else. */
  readonly display?: SpaceId;
}

export interface TokenVerifier {
  /** Increases whenever a valid token may have been revoked or have lost a scope; not when one expires. */
  readonly version: number;
  /**
   * @returns the principal, or why the token is rejected. @throws Failure unavailable if that cannot be decided now
   */
  verify(token: string): Promise<Principal | string>;
  /** Reloads tokens or keys that may have changed. */
  refresh(): Promise<void>;
}

export function isAllowed({ scopes }: Principal, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

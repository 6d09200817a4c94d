// Verifies JWTs of an identity provider against its key set: signature, issuer, audience and expiry. Only asymmetric algorithms are
// accepted, since with a symmetric one the public key would be the secret.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import { SCOPES, type Scope } from './scope.ts';

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_SECONDS = 5;
const KEYS_TIMEOUT_MS = 5_000;
/** Between two attempts to fetch an expired key set. */
const KEYS_RETRY_MS = 10_000;

export interface JwtOptions {
  /** http:, https: or file: */
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface JwtIdentity {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number;
}

type Keys = ReturnType<typeof createRemoteJWKSet> | ReturnType<typeof createLocalJWKSet>;

/** The key set cannot be fetched, so nothing is known about the token. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

export class JwtVerifier {
  readonly #keys: Keys;
  readonly #options: JwtOptions;
  #version = 0;
  /** The key set to which `version` belongs. */
  #seen = '';
  #askedAtMs = -Infinity;

  private constructor(keys: Keys, options: JwtOptions) {
    this.#keys = keys;
    this.#options = options;
  }

  /** A remote key set is fetched when first needed, cached, and fetched again for an unknown key. */
  static async open(options: JwtOptions): Promise<JwtVerifier> {
    const url = new URL(options.jwksUrl);
    if (url.protocol !== 'file:')
      return new JwtVerifier(createRemoteJWKSet(url, { timeoutDuration: KEYS_TIMEOUT_MS }), options);
    const text = await readFile(fileURLToPath(url), 'utf8').catch((error: unknown) => {
      throw new Error(`cannot read ${options.jwksUrl} (AUTH_JWKS_URL)`, { cause: error });
    });
    return new JwtVerifier(createLocalJWKSet(JSON.parse(text) as JSONWebKeySet), options);
  }

  /** Increases whenever the key set changes. */
  get version(): number {
    return this.#version;
  }

  /** Starts to fetch the key set if it has expired. A failed fetch leaves the keys as they were. */
  refresh(): void {
    const keys = this.#keys;
    const held = keys.jwks();
    if (held === undefined) return;
    const text = JSON.stringify(held);
    if (text !== this.#seen) {
      this.#seen = text;
      this.#version += 1;
    }
    if (!('fresh' in keys) || keys.fresh || performance.now() - this.#askedAtMs < KEYS_RETRY_MS) return;
    this.#askedAtMs = performance.now();
    // Not awaited: the next call detects a change.
    keys.reload().catch(() => undefined);
  }

  /** @returns the identity, or why the token is rejected. @throws KeysUnavailable */
  async verify(token: string): Promise<JwtIdentity | string> {
    const { issuer, audience } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp'],
      });
      return { name: nameOf(payload), scopes: scopesOf(payload), expiresAtMs: (payload.exp ?? 0) * 1_000 };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return 'the token has expired';
      if (error instanceof errors.JWTClaimValidationFailed)
        return `the claim ${error.claim} of the token is not the required one`;
      if (
        error instanceof errors.JWKSTimeout ||
        !(error instanceof errors.JOSEError) ||
        error.code === 'ERR_JOSE_GENERIC'
      ) {
        throw new KeysUnavailable('the key set cannot be fetched', { cause: error });
      }
      return 'the token is not valid';
    }
  }
}

function nameOf({ sub, client_id: clientId }: JWTPayload): string {
  return sub ?? (typeof clientId === 'string' ? clientId : 'unnamed');
}

/** From `scope` (RFC 8693), or from `scp`, which some providers use. Scopes of other services are ignored. */
function scopesOf({ scope, scp }: JWTPayload): Scope[] {
  const given: unknown[] =
    typeof scope === 'string'
      ? scope.split(' ')
      : Array.isArray(scp)
        ? scp
        : typeof scp === 'string'
          ? scp.split(' ')
          : [];
  return SCOPES.filter((known) => given.includes(known));
}

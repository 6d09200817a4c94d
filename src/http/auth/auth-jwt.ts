// Bearer tokens that are JWTs of an identity provider, verified against its key set: signature, issuer,
// audience, expiry. Only asymmetric algorithms: with a symmetric one the public key would be the secret.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import { SCOPES, type Scope } from '../routes/route.ts';

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
/** Between two attempts to fetch a key set that is due. */
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

/** The key set cannot be had; says nothing about the token. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

export class JwtVerifier {
  readonly #keys: Keys;
  readonly #options: JwtOptions;
  #version = 0;
  /** The key set of that version. */
  #seen = '';
  #askedAtMs = -Infinity;

  private constructor(keys: Keys, options: JwtOptions) {
    this.#keys = keys;
    this.#options = options;
  }

  /** A set on another host is fetched when it is needed, kept, and fetched again for a key it does not have. */
  static async open(options: JwtOptions): Promise<JwtVerifier> {
    const url = new URL(options.jwksUrl);
    if (url.protocol !== 'file:')
      return new JwtVerifier(createRemoteJWKSet(url, { timeoutDuration: KEYS_TIMEOUT_MS }), options);
    const text = await readFile(fileURLToPath(url), 'utf8').catch((error: unknown) => {
      throw new Error(`cannot read ${options.jwksUrl} (AUTH_JWKS_URL)`, { cause: error });
    });
    return new JwtVerifier(createLocalJWKSet(JSON.parse(text) as JSONWebKeySet), options);
  }

  /** Changes with the key set. */
  get version(): number {
    return this.#version;
  }

  /** Has the key set fetched when it is due, as the next token would; one that cannot be had leaves the keys as they were. */
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
    // Nobody waits for it: the change is seen the next time.
    keys.reload().catch(() => undefined);
  }

  /** @returns why not, as a sentence, for a token that is not good. @throws KeysUnavailable */
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
        return `the token's ${error.claim} is not what it has to be`;
      if (
        error instanceof errors.JWKSTimeout ||
        !(error instanceof errors.JOSEError) ||
        error.code === 'ERR_JOSE_GENERIC'
      ) {
        throw new KeysUnavailable('the key set cannot be had', { cause: error });
      }
      return 'the token is not a valid one';
    }
  }
}

function nameOf({ sub, client_id: clientId }: JWTPayload): string {
  return sub ?? (typeof clientId === 'string' ? clientId : 'unnamed');
}

/** `scope` as RFC 8693 has it, or `scp` as some providers do; what is no scope of this service is left out. */
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

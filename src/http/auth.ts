// Who may do what: a bearer token is known by its hash, or is a JWT of the identity provider; a route names the scope it needs.
// `admin` includes every other scope. Without a configured kind of token nothing is checked, which
// is allowed only to a service that listens on loopback.
import type { Context } from 'koa';
import type { Logger } from 'pino';
import { ConfigError, type Config } from '../config.ts';
import { Failure } from '../domain/failure.ts';
import { JwtVerifier, KeysUnavailable } from './auth-jwt.ts';
import { TokenFile, tokensOf, type StaticTokens } from './auth-tokens.ts';
import type { Guard } from './mount.ts';
import { HttpProblem } from './problem.ts';
import { stateOf } from './request-state.ts';
import type { Route, Scope } from './route.ts';

const REALM = 'Bearer realm="density-api"';
const TOKEN = /^bearer +([\w.~+/-]+=*)$/i;

export interface Principal {
  /** For the log and for rate limits; a static token's and a JWT's names never collide. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number | undefined;
}

const principals = new WeakMap<Context['req'], Principal>();

/** Who asks; undefined where nobody has to say. */
export function principalOf(ctx: Context): Principal | undefined {
  return principals.get(ctx.req);
}

export interface TokenVerifier {
  /** @returns why not, as a sentence. @throws Failure unavailable when it cannot be told now */
  verify(token: string): Promise<Principal | string>;
}

/** @returns undefined when no token is asked for. @throws ConfigError with one sentence that says what to do */
export async function openVerifier(config: Config, log: Logger): Promise<TokenVerifier | undefined> {
  const { AUTH_TOKENS: inline, AUTH_TOKENS_FILE: tokensFile, AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = config;
  if (inline === undefined && tokensFile === undefined && jwksUrl === undefined) {
    if (isLoopback(config.HOST)) return undefined;
    throw new ConfigError(`HOST=${config.HOST} can be reached from other machines, so requests have to be authenticated: set AUTH_TOKENS_FILE or AUTH_TOKENS (\`density token\` makes one) or AUTH_JWKS_URL, or listen on 127.0.0.1 only`);
  }
  if (jwksUrl !== undefined && (issuer === undefined || audience === undefined)) {
    throw new ConfigError('AUTH_JWKS_URL needs AUTH_ISSUER and AUTH_AUDIENCE: a token of another issuer, or for another service, is none');
  }
  const tokens: StaticTokens[] = [];
  if (inline !== undefined) tokens.push(tokensOf(inline));
  if (tokensFile !== undefined) tokens.push(await TokenFile.open(tokensFile, log));
  const jwts = jwksUrl === undefined || issuer === undefined || audience === undefined ? undefined : await JwtVerifier.open({ jwksUrl, issuer, audience });
  return { verify: (token) => verify(token, tokens, jwts) };
}

async function verify(token: string, tokens: readonly StaticTokens[], jwts: JwtVerifier | undefined): Promise<Principal | string> {
  for (const some of tokens) {
    const known = await some.find(token);
    if (!known) continue;
    if (known.expiresAtMs !== undefined && known.expiresAtMs <= Date.now()) return 'the token has expired';
    return { ...known, name: `token:${known.name}` };
  }
  if (!jwts || token.split('.').length !== 3) return 'the token is not a valid one';
  try {
    const identity = await jwts.verify(token);
    return typeof identity === 'string' ? identity : { ...identity, name: `jwt:${identity.name}` };
  } catch (error) {
    if (!(error instanceof KeysUnavailable)) throw error;
    throw new Failure('unavailable', 'tokens cannot be checked now', { cause: error, retryAfterSeconds: 5 });
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Checks the token of every request to a route that needs a scope. */
export function requireScope(verifier: TokenVerifier): Guard {
  return (route) => async (ctx, next) => {
    if (route.scope !== null) await authorise(ctx, route, verifier);
    await next();
  };
}

async function authorise(ctx: Context, { scope }: Route, verifier: TokenVerifier): Promise<void> {
  const header = ctx.get('authorization');
  if (header === '') throw unauthenticated('send a token as "authorization: Bearer <token>"');
  const token = TOKEN.exec(header)?.[1];
  if (token === undefined) throw unauthenticated('the authorization header is not "Bearer <token>"', 'invalid_request');
  const principal = await verifier.verify(token);
  if (typeof principal === 'string') throw unauthenticated(principal, 'invalid_token');
  principals.set(ctx.req, principal);
  const state = stateOf(ctx);
  if (state.log) state.log = state.log.child({ principal: principal.name });
  if (scope === null || principal.scopes.includes(scope) || principal.scopes.includes('admin')) return;
  throw new HttpProblem(403, `this needs a token with the scope ${scope}`, [], {
    'www-authenticate': `${REALM}, error="insufficient_scope", scope="${scope}"`,
  });
}

function unauthenticated(detail: string, error?: string): HttpProblem {
  return new HttpProblem(401, detail, [], { 'www-authenticate': error === undefined ? REALM : `${REALM}, error="${error}"` });
}

/** For answers that do not end by themselves; undefined when the token does not expire. */
export function msUntilExpiry(ctx: Context): number | undefined {
  const expiresAtMs = principalOf(ctx)?.expiresAtMs;
  return expiresAtMs === undefined ? undefined : Math.max(0, expiresAtMs - Date.now());
}


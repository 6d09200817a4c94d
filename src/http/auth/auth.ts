// Authorisation by bearer tokens: static tokens, known by their hash, and JWTs of an identity provider. Each route names the scope it
// needs; `admin` includes every other scope. Routes for devices also take the secret of a device
// (device-secrets.ts), and those for displays the cookie of a display (displays.ts). Without any configured tokens nothing is checked, which is allowed only on loopback.
import type { Context } from 'koa';
import type { Logger } from 'pino';
import { ConfigError, type Config } from '../../config.ts';
import { Failure } from '../../domain/failure.ts';
import type { Author } from '../../domain/topology.ts';
import { JwtVerifier, KeysUnavailable } from './auth-jwt.ts';
import { TokenFile, tokensOf, type StaticTokens } from './auth-tokens.ts';
import type { DeviceSecrets } from './device-secrets.ts';
import { CookieLookups } from './cookie-lookups.ts';
import { displayCookie, spaceIn, watchDisplay } from './display-cookie.ts';
import type { Displays } from './displays.ts';
import { PairingLimits } from './pairing-limits.ts';
import type { Guard } from '../routes/mount.ts';
import { isAllowed, type Principal, type TokenVerifier } from './principal.ts';
import { HttpProblem } from '../problem.ts';
import { stateOf } from '../request-state.ts';
import type { Scope } from './scope.ts';
import { TokenWatch } from './token-watch.ts';

const REALM = 'Bearer realm="density-api"';
const BASIC = 'Basic realm="density-api"';
/**
 * More than RFC 6750 lets a token have, because the secret of a device may have any printable character, and devices
 * send it as it is.
 */
const TOKEN = /^bearer +([\x21-\x7e]+)$/i;
/** The subject of a JWT may be long, and each change stores it. */
const AUTHOR_LENGTH_MAX = 200;

interface Admission {
  readonly principal: Principal;
  /** Calls `end` once the same request would be refused. @returns a function that stops watching */
  readonly watch: (end: () => void) => () => void;
}

const admissions = new WeakMap<Context['req'], Admission>();

/** Who sent the request; undefined if the route needs no token. */
export function principalOf(ctx: Context): Principal | undefined {
  return admissions.get(ctx.req)?.principal;
}

/** Who makes a change with this request. */
export function authorOf(ctx: Context): Author {
  // Only tokens have a scope that allows changes, and their names have these prefixes.
  return (principalOf(ctx)?.name.slice(0, AUTHOR_LENGTH_MAX) as Author | undefined) ?? 'loopback';
}

/**
 * Watches the token of a streaming answer.
 * @param end called once the token is revoked, has expired or has lost the scope
 * @returns a function that stops watching
 */
export function whileAdmitted(ctx: Context, end: () => void): () => void {
  return admissions.get(ctx.req)?.watch(end) ?? (() => undefined);
}

/**
 * @returns undefined if no tokens are configured. @throws ConfigError that tells the operator what to set
 */
export async function openVerifier(config: Config, log: Logger): Promise<TokenVerifier | undefined> {
  const {
    AUTH_TOKENS: inline,
    AUTH_TOKENS_FILE: tokensFile,
    AUTH_JWKS_URL: jwksUrl,
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: audience,
  } = config;
  if (inline === undefined && tokensFile === undefined && jwksUrl === undefined) {
    if (isLoopback(config.HOST)) return undefined;
    throw new ConfigError(
      `HOST=${config.HOST} can be reached from other machines, so requests must be authenticated: set AUTH_TOKENS_FILE or AUTH_TOKENS (\`density token\` creates them) or AUTH_JWKS_URL, or listen on 127.0.0.1 only`,
    );
  }
  if (jwksUrl !== undefined && (issuer === undefined || audience === undefined)) {
    throw new ConfigError(
      'AUTH_JWKS_URL requires AUTH_ISSUER and AUTH_AUDIENCE, so that tokens of other issuers or for other services are rejected',
    );
  }
  const tokens: StaticTokens[] = [];
  if (inline !== undefined) tokens.push(tokensOf(inline));
  if (tokensFile !== undefined) tokens.push(await TokenFile.open(tokensFile, log));
  const jwts =
    jwksUrl === undefined || issuer === undefined || audience === undefined
      ? undefined
      : await JwtVerifier.open({ jwksUrl, issuer, audience });
  return {
    get version() {
      return tokens.reduce((sum, { version }) => sum + version, jwts?.version ?? 0);
    },
    verify: (token) => verify(token, tokens, jwts),
    refresh: async () => {
      jwts?.refresh();
      for (const some of tokens) await some.refresh();
    },
  };
}

async function verify(
  token: string,
  tokens: readonly StaticTokens[],
  jwts: JwtVerifier | undefined,
): Promise<Principal | string> {
  for (const some of tokens) {
    const known = await some.find(token);
    if (!known) continue;
    if (known.expiresAtMs !== undefined && known.expiresAtMs <= Date.now()) return 'the token has expired';
    return { ...known, name: `token:${known.name}` };
  }
  if (!jwts || token.split('.').length !== 3) return 'the token is not valid';
  try {
    const identity = await jwts.verify(token);
    return typeof identity === 'string' ? identity : { ...identity, name: `jwt:${identity.name}` };
  } catch (error) {
    if (!(error instanceof KeysUnavailable)) throw error;
    throw new Failure('unavailable', 'tokens cannot be verified now', { cause: error, retryAfterSeconds: 5 });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Requires a token with the scope that the route names, or the secret of a device or the cookie of a display where the
 * route takes one.
 */
export function requireScope(verifier: TokenVerifier, devices: DeviceSecrets, displays: Displays): Guard {
  const watch = new TokenWatch(verifier);
  const lookups = new CookieLookups(displays, new PairingLimits());
  return (route) => async (ctx, next) => {
    stateOf(ctx).requiresTokens = true;
    if (route.scope !== null && !(route.takesDisplay && (await admitDisplay(ctx, displays, lookups))))
      await authorise(ctx, { ...route, scope: route.scope }, { verifier, devices, watch });
    await next();
  };
}

/** @returns false if the request is not that of a display which is paired with the space of the path */
async function admitDisplay(ctx: Context, displays: Displays, lookups: CookieLookups): Promise<boolean> {
  const spaceId = spaceIn(ctx);
  if (ctx.get('authorization') !== '' || spaceId === undefined) return false;
  const cookie = displayCookie(ctx, spaceId);
  const principal = await lookups.paired(cookie, spaceId, ctx.ip);
  if (!principal) return false;
  // Not limited: who was admitted is looked up until it is removed.
  admit(ctx, { principal, watch: (end) => watchDisplay(async () => displays.verify(cookie, spaceId), end) });
  return true;
}

function admit(ctx: Context, admission: Admission): void {
  admissions.set(ctx.req, admission);
  stateOf(ctx).principal = admission.principal.name;
}

interface Authorities {
  readonly verifier: TokenVerifier;
  readonly devices: DeviceSecrets;
  readonly watch: TokenWatch;
}

async function authorise(
  ctx: Context,
  { scope, takesDeviceSecret = false }: { readonly scope: Scope; readonly takesDeviceSecret?: boolean },
  { verifier, devices, watch }: Authorities,
): Promise<void> {
  const challenge = takesDeviceSecret ? `${REALM}, ${BASIC}` : REALM;
  const header = ctx.get('authorization');
  if (header === '') throw unauthenticated('send a token in the header "authorization: Bearer <token>"', challenge);
  const [bearer, basic] = [TOKEN.exec(header)?.[1], basicIn(header)];
  // The password of HTTP basic authentication, which is all that many devices can send.
  const token = bearer ?? /^[^:]*:(.+)$/.exec(basic ?? '')?.[1];
  if (token === undefined)
    throw unauthenticated('the authorization header is not "Bearer <token>"', challenge, 'invalid_request');
  // Read before the token is verified, so that a change meanwhile is noticed.
  const { version } = verifier;
  const verified = await verifier.verify(token);
  const device = typeof ctx.query['device'] === 'string' ? { device: ctx.query['device'] } : {};
  const shown = {
    address: ctx.ip,
    ...(bearer === undefined ? {} : { token: bearer }),
    ...(basic === undefined ? {} : { basic }),
    ...device,
  };
  const principal =
    typeof verified === 'string' && takesDeviceSecret ? ((await devices.verify(shown)) ?? verified) : verified;
  if (typeof principal === 'string') throw unauthenticated(principal, challenge, 'invalid_token');
  admit(ctx, {
    principal,
    watch: (end) => watch.add({ token, scope, version, expiresAtMs: principal.expiresAtMs, end }),
  });
  // The route itself checks that it is this device's.
  if (isAllowed(principal, scope) || principal.device !== undefined) return;
  throw new HttpProblem(403, `this needs a token with the scope ${scope}`, [], {
    'www-authenticate': `${REALM}, error="insufficient_scope", scope="${scope}"`,
  });
}

/** `user:password` of HTTP basic authentication. */
function basicIn(header: string): string | undefined {
  const credentials = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(header)?.[1];
  return credentials && Buffer.from(credentials, 'base64').toString('utf8');
}

function unauthenticated(detail: string, challenge: string, error?: string): HttpProblem {
  return new HttpProblem(401, detail, [], {
    'www-authenticate': error === undefined ? challenge : challenge.replace(REALM, `${REALM}, error="${error}"`),
  });
}

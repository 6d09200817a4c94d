// An identity provider: signs tokens, and serves its key set on loopback.
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';

export interface JwtIssuer {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly jwks: object;
  sign(
    claims: JWTPayload,
    options?: { audience?: string; issuer?: string; expiresIn?: string; kid?: string },
  ): Promise<string>;
  /** Empties its key set. */
  withdrawKeys(): void;
  stop(): Promise<void>;
}

export const AUDIENCE = 'density';

export async function startJwtIssuer(): Promise<JwtIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'first', alg: 'ES256', use: 'sig' }] };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(jwks));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return {
    issuer,
    jwks,
    jwksUrl: `${issuer}/jwks.json`,
    sign: async (claims, { audience = AUDIENCE, issuer: as = issuer, expiresIn = '1h', kid = 'first' } = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(as)
        .setAudience(audience)
        .setExpirationTime(expiresIn)
        .sign(privateKey),
    withdrawKeys: () => void jwks.keys.splice(0),
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

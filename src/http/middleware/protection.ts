// Protects every route: security headers, CORS, authorisation and rate limits.
import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import type { AppOptions } from '../app.ts';
import { openVerifier, requireScope } from '../auth/auth.ts';
import { DeviceSecrets, type FindDevice } from '../auth/device-secrets.ts';
import { Displays } from '../auth/displays.ts';
import type { DisplayStore } from '../../ports/displays.ts';
import { limitRefused, limitRequests } from './rate-limit.ts';
import { crossOrigin, securityHeaders } from './security-headers.ts';

/** What is known once the service has started. */
export interface Known {
  readonly device: FindDevice;
  readonly displays: () => DisplayStore;
}

/** @throws ConfigError if other machines could reach the service without a token */
export async function openProtection(
  config: Config,
  log: Logger,
  { device, displays }: Known,
): Promise<Required<Pick<AppOptions, 'before' | 'guards'>>> {
  const verifier = await openVerifier(config, log);
  const before = [securityHeaders(), ...(config.CORS_ORIGINS.length === 0 ? [] : [crossOrigin(config.CORS_ORIGINS)])];
  if (!verifier) return { before, guards: [] };
  const limits = config.RATE_LIMIT_PER_MINUTE === 0 ? [] : [limitRequests(config.RATE_LIMIT_PER_MINUTE)];
  return {
    before: [...before, limitRefused()],
    guards: [requireScope(verifier, new DeviceSecrets(device), new Displays(displays, Date.now)), ...limits],
  };
}

// A service with the dashboard, reached without a token, and a second address of the same service that needs one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readConfig } from '../../src/config.ts';
import { createApp } from '../../src/http/app.ts';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import { openProtection } from '../../src/http/middleware/protection.ts';
import { pageFolder } from '../../src/http/page.ts';
import { listen } from '../../src/http/server.ts';
import { startLocalService, type LocalService } from './local-service.ts';

export interface PageService extends LocalService {
  /** The address that needs a token. */
  readonly protectedUrl: string;
  readonly tokens: { readonly reader: string; readonly writer: string; readonly editor: string };
}

export async function startPageService(): Promise<PageService> {
  const local = await startLocalService({ PARTITIONS: '2', STREAM_HEARTBEAT_MS: '500' });
  const folder = await mkdtemp(join(tmpdir(), 'density-tokens-'));
  const file = join(folder, 'tokens.json');
  const tokens = {
    reader: await addToken(file, 'reader', ['read'], undefined),
    editor: await addToken(file, 'editor', ['read', 'topology:write'], undefined),
    writer: await addToken(file, 'writer', ['readings:write'], undefined),
  };
  const log = pino({ level: 'silent' });
  const protection = await openProtection(readConfig({ AUTH_TOKENS_FILE: file }), log, {
    device: () => undefined,
    displays: () => local.service.stores.displays,
  });
  const app = createApp(local.service, log, { ...protection, page: await pageFolder() });
  const handle = app.callback();
  const http = await listen((request, response) => void handle(request, response), '127.0.0.1', 0, log);
  return {
    ...local,
    protectedUrl: http.url,
    tokens,
    dispose: async () => {
      local.service.live.stop();
      await http.stop();
      await local.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

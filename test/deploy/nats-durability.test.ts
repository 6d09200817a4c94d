// What NATS acknowledges is on disk: every configuration, both the one that `npm start` writes and the deployed ones,
// runs on the real server, which is then asked for its sync interval.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startEngines } from '../../src/local/engines.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK } from '../support/local-service.ts';
import { projectFile } from '../support/project.ts';
import { startSecuredNats } from '../support/secured-nats.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'density-durability-'))));
afterAll(async () => rm(folder, { recursive: true, force: true }));

interface JetStreamConfig {
  readonly sync_interval: number;
  readonly sync_always?: boolean;
}

async function jetStreamConfig(monitorUrl: string): Promise<JetStreamConfig> {
  const { jetstream } = (await (await fetch(`${monitorUrl}/varz`)).json()) as {
    jetstream: { config: JetStreamConfig };
  };
  return jetstream.config;
}

/** Runs nats-server with a configuration file, on its own ports, and reads back the settings in effect. */
async function understood(file: string, dir: string): Promise<JetStreamConfig> {
  const ports = join(dir, 'ports-of-the-test');
  await mkdir(ports, { recursive: true });
  const server = spawn(
    process.env['NATS_SERVER_BIN'] ?? 'nats-server',
    ['-c', file, '--ports_file_dir', ports, '-p', '-1', '-m', '-1'],
    {
      env: { NATS_SERVER_NAME: 'test', NATS_STORE_MAX: '1GB' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let log = '';
  server.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exit = once(server, 'exit');
  try {
    return await eventually(async () => {
      const [portsFile = ''] = await readdir(ports);
      const told = await readFile(join(ports, portsFile), 'utf8').catch(() => {
        throw new Error(log);
      });
      const { monitoring: [url = ''] = [] } = JSON.parse(told) as { monitoring?: string[] };
      return jetStreamConfig(url);
    });
  } finally {
    server.kill('SIGKILL');
    await exit;
  }
}

/** The configuration that the service writes for the server it starts. */
async function generated(environment: Readonly<Record<string, string>>): Promise<JetStreamConfig> {
  const dir = await mkdtemp(join(folder, 'local-'));
  const config = readConfig({
    ...QUICK,
    NATS_SYNC_INTERVAL: undefined,
    NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
    DENSITY_DATA_DIR: dir,
    CLICKHOUSE_URL: 'http://127.0.0.1:1',
    ...environment,
  });
  const engines = await startEngines(
    config,
    () => undefined,
    () => undefined,
  );
  await engines.stop();
  return understood(join(dir, 'nats', 'nats-server.conf'), dir);
}

describe('what NATS acknowledges is on disk', () => {
  test('with the server of `npm start`, unless NATS_SYNC_INTERVAL says otherwise', async () => {
    expect(await generated({})).toMatchObject({ sync_always: true });
    const faster = await generated({ NATS_SYNC_INTERVAL: '90s' });
    expect(faster).toMatchObject({ sync_interval: 90e9 });
    expect(faster.sync_always ?? false).toBe(false);
  });

  test.each(['sometimes', '2', '2 m', '-1s'])('NATS_SYNC_INTERVAL=%s is refused by name', (value) => {
    expect(() => readConfig({ NATS_SYNC_INTERVAL: value })).toThrow(/^NATS_SYNC_INTERVAL=/);
  });

  test.each(['nats-server.conf', 'nats-cluster.conf'])('with deploy/nats/%s', async (configuration) => {
    const nats = await startSecuredNats(configuration);
    try {
      expect(await jetStreamConfig(nats.monitorUrl)).toMatchObject({ sync_always: true });
    } finally {
      await nats.stop();
    }
  });

  test.each([
    ['deploy/compose/nats', 'single.conf'],
    ['deploy/compose/nats', 'cluster.conf'],
    ['k8s/overlays/dev', 'nats-server.conf'],
  ])('with %s/%s', async (source, configuration) => {
    const dir = await mkdtemp(join(folder, 'deployed-'));
    const here = (text: string): string =>
      text.replaceAll(/"0\.0\.0\.0:\d+"/g, '"127.0.0.1:-1"').replace('"/data"', JSON.stringify(join(dir, 'data')));
    const included = configuration === 'cluster.conf' ? ['single.conf'] : [];
    for (const file of [configuration, ...included])
      await writeFile(join(dir, file), here(projectFile(`${source}/${file}`)));
    expect(await understood(join(dir, configuration), dir)).toMatchObject({ sync_always: true });
  });
});

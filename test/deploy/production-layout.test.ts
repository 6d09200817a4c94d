// What the Dockerfile puts together, put together here: compiled code, production dependencies only, no
// sources. It runs against engines elsewhere, answers the image's own health check, and stops on SIGTERM.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pRetry from 'p-retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import { request, QUICK } from '../support/local-service.ts';
import { projectFile, ROOT } from '../support/project.ts';

const run = promisify(execFile);
let app: string;
let engines: Engines;
let dataDir: string;

beforeAll(async () => {
  [app, dataDir] = [await mkdtemp(join(tmpdir(), 'density-app-')), await mkdtemp(join(tmpdir(), 'density-engines-'))];
  await run(process.execPath, [
    `${ROOT}node_modules/typescript/bin/tsc`,
    '-p',
    `${ROOT}tsconfig.build.json`,
    '--outDir',
    join(app, 'dist'),
  ]);
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) await copyFile(`${ROOT}${file}`, join(app, file));
  await cp(`${ROOT}bin`, join(app, 'bin'), { recursive: true });
  await pRetry(
    () =>
      run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: app }),
    { retries: 2 },
  );
  const config = readConfig({ ...QUICK, NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'], DENSITY_DATA_DIR: dataDir });
  engines = await startEngines(
    config,
    () => undefined,
    () => undefined,
  );
}, 300_000);

afterAll(async () => {
  await engines?.stop();
  for (const dir of [app, dataDir]) await rm(dir, { recursive: true, force: true });
});

test('holds neither chDB nor sources nor tests', async () => {
  const packages = await readdir(join(app, 'node_modules'));
  for (const name of ['chdb', 'typescript', 'vitest', 'eslint', 'kubernetes-models'])
    expect(packages).not.toContain(name);
  expect((await readdir(app)).sort()).toEqual([
    '.npmrc',
    'bin',
    'dist',
    'node_modules',
    'package-lock.json',
    'package.json',
  ]);
});

test('counts with engines elsewhere, passes its health check, and SIGTERM ends it with 0', async () => {
  const env = {
    PATH: process.env['PATH'],
    ...QUICK,
    NODE_ENV: 'production',
    NATS_URL: engines.natsUrl,
    CLICKHOUSE_URL: engines.clickhouseUrl,
    LOG_LEVEL: 'info',
    PARTITIONS: '2',
  };
  const [, ...args] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(projectFile('Dockerfile'))?.[1] ?? '[]') as string[];
  const service = spawn(process.execPath, [...args, 'run'], { cwd: app, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(service, 'exit');
  try {
    const url = await readyUrl(service);
    await request(`${url}/api/v1/spaces`, 'POST', { name: 'hall' });
    await request(`${url}/api/v1/doorways`, 'POST', { name: 'door', ingress_space_id: 1, egress_space_id: null });
    await request(`${url}/api/v1/dpus`, 'POST', { id: '7', doorway_id: 1 });
    expect(
      (
        await request(`${url}/api/v1/readings`, 'POST', {
          dpu_id: '7',
          timestamp: new Date().toISOString(),
          direction: 1,
        })
      ).status,
    ).toBe(202);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const [, ...probe] = JSON.parse(
      /HEALTHCHECK[\s\S]*?CMD (\[.*\])$/m.exec(projectFile('Dockerfile'))?.[1] ?? '[]',
    ) as string[];
    await run(process.execPath, probe, { env: { ...env, PORT: new URL(url).port } });
    await expect(run(process.execPath, probe, { env: { ...env, PORT: '1' } })).rejects.toThrow();
  } finally {
    service.kill('SIGTERM');
  }
  expect(await exited).toEqual([0, null]);
});

/** Where it says that it listens. */
async function readyUrl(service: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const url = /ready: (http:\/\/[^/]+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    };
    service.stdout?.on('data', hear);
    service.stderr?.on('data', hear);
    service.once('exit', () => reject(new Error(`it ended: ${said}`)));
  });
}

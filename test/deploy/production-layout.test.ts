// Assembles the same files as the Dockerfile: compiled code, only production dependencies, no sources. The result runs
// against external engines, passes the image's own health check, and stops on SIGTERM.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pRetry from 'p-retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import { request, QUICK } from '../support/local-service.ts';
import { copyOfCheckout } from '../support/checkout.ts';
import { projectFile, ROOT } from '../support/project.ts';

const run = promisify(execFile);
let app: string;
let engines: Engines;
let dataDir: string;

beforeAll(async () => {
  [app, dataDir] = [await mkdtemp(join(tmpdir(), 'density-app-')), await mkdtemp(join(tmpdir(), 'density-engines-'))];
  const checkout = await copyOfCheckout();
  await run('npm', ['run', 'build'], { cwd: checkout });
  await cp(join(checkout, 'dist'), join(app, 'dist'), { recursive: true });
  await rm(checkout, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) await copyFile(`${ROOT}${file}`, join(app, file));
  await cp(`${ROOT}bin`, join(app, 'bin'), { recursive: true });
  await cp(`${ROOT}deploy/docker`, join(app, 'deploy/docker'), { recursive: true });
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

test('contains neither chDB nor sources nor tests', async () => {
  const packages = await readdir(join(app, 'node_modules'));
  for (const name of ['chdb', '@chdb', 'tsx', 'esbuild', 'typescript', 'vitest', 'eslint', 'kubernetes-models', 'preact', 'uplot', 'playwright-core'])
    expect(packages).not.toContain(name);
  expect((await readdir(app)).sort()).toEqual([
    '.npmrc',
    'bin',
    'deploy',
    'dist',
    'node_modules',
    'package-lock.json',
    'package.json',
  ]);
});

test('counts with external engines, passes its health check, and exits with 0 on SIGTERM', async () => {
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
    expect(await (await fetch(url)).text(), 'the dashboard').toContain('<div id="app">');
    await probe(new URL(url).port);
  } finally {
    service.kill('SIGTERM');
  }
  expect(await exited).toEqual([0, null]);
});

test('the health check fails if nothing listens, if the answer is not 200, and if there is no answer', async () => {
  await expect(probe('1')).rejects.toMatchObject({ code: 1 });
  const answers = ['HTTP/1.1 503 Service Unavailable\r\n\r\n', undefined];
  for (const answer of answers) {
    const server = createServer((socket) => void (answer === undefined ? undefined : socket.end(answer)));
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      await expect(probe(String((server.address() as AddressInfo).port))).rejects.toMatchObject({ killed: false });
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  }
});

/** The image's health check, with Docker's timeout. @throws if it fails */
async function probe(port: string): Promise<unknown> {
  const [, seconds, command] = /^HEALTHCHECK .*--timeout=(\d+)s .*CMD (\[.*\])$/m.exec(projectFile('Dockerfile')) ?? [];
  const [script = ''] = JSON.parse(command ?? '[]') as string[];
  const env = { PATH: process.env['PATH'], PORT: port };
  return run(script.replace(/^\/app/, app), [], { env, timeout: Number(seconds) * 1_000 });
}

/** The URL that it prints. */
async function readyUrl(service: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      const url = /ready: (http:\/\/[^/]+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    };
    service.stdout?.on('data', hear);
    service.stderr?.on('data', hear);
    service.once('exit', () => reject(new Error(`it ended: ${output}`)));
  });
}

// What a newcomer sees: a start that works, a second one that continues where the first stopped, and one clear sentence
// for each thing that prevents a start.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDensity } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/local-service.ts';

let folder: string;
let taken: Server;
let takenPort: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-start-'));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = String((taken.address() as AddressInfo).port);
});
afterAll(async () => {
  taken.close();
  await rm(folder, { recursive: true, force: true });
});

async function refusal(environment: Readonly<Record<string, string>>): Promise<string> {
  const service = startDensity(['run'], { DENSITY_DATA_DIR: join(folder, 'refused'), ...environment });
  expect(await service.ended()).toBe(1);
  const [last = ''] = service.output().trim().split('\n').slice(-1);
  return last;
}

describe('a start that fails', () => {
  it.each(['PORT', 'NATS_PORT', 'MQTT_PORT', 'CLICKHOUSE_PORT'])('names the port in use and %s', async (variable) => {
    expect(await refusal({ [variable]: takenPort })).toBe(
      `density: Port ${takenPort} on 127.0.0.1 is in use by another program: stop that program, or set ${variable} to a free port (0 picks one).`,
    );
  });

  it('names a nats-server that is too old, and the required version', async () => {
    const old = join(folder, 'old-nats-server');
    await writeFile(old, '#!/bin/sh\necho "nats-server: v2.10.27"\n');
    await chmod(old, 0o755);
    expect(await refusal({ NATS_SERVER_BIN: old })).toBe(
      `density: The nats-server at ${old} is version 2.10.27; version 2.12.0 or newer is required.`,
    );
  });

  it('names a folder it cannot write to', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    expect(await refusal({ DENSITY_DATA_DIR: join(file, 'data') })).toMatch(
      /^density: Cannot write to .*a-file\/data \(ENOTDIR\): make it writable, or set DENSITY_DATA_DIR to a folder that is\.$/,
    );
  });

  it('names a variable with an invalid value', async () => {
    expect(await refusal({ PARTITIONS: 'many' })).toMatch(/^density: PARTITIONS="many": /);
  });

  it('names the URL at which nothing answers', async () => {
    expect(await refusal({ NATS_URL: 'nats://127.0.0.1:1' })).toMatch(
      /^density: cannot connect to a NATS server at nats:\/\/127\.0\.0\.1:1 \(NATS_URL\)/,
    );
  });
});

describe('the demo', () => {
  it('runs, prints what to try, stops everything it started, and continues with the same counts', async () => {
    const environment = { DENSITY_DATA_DIR: join(folder, 'demo') };
    await mkdir(environment.DENSITY_DATA_DIR);
    const first = startDensity(['demo'], environment);
    const [, api = ''] = await first.waitForOutput(/curl (\S+)\/counts\/1\/current/);
    const [, page = ''] = await first.waitForOutput(/open (\S+) in a browser/);
    expect(await (await fetch(page)).text()).toContain('<div id="app">');
    const accepted = async (url: string): Promise<{ accepted: number; applied: number; remainder: number }> =>
      (await request(`${url}/account`, 'GET')).body as { accepted: number; applied: number; remainder: number };
    // The backfill, and people who passed since.
    const sent = Number((await first.waitForOutput(/as if the DPUs had been offline: (\d+) readings/))[1]);
    await eventually(async () => expect((await accepted(api)).accepted).toBeGreaterThan(sent + 2));
    expect(await first.end('SIGINT')).toBe(0);
    expect(first.output()).toMatch(/stopped\n$/);
    await expect(fetch(`${api}/health`)).rejects.toThrow();

    const second = startDensity(['demo'], environment);
    const [, again = ''] = await second.waitForOutput(/curl (\S+)\/counts\/1\/current/);
    expect(second.output()).toContain('the building of an earlier run is used again');
    const account = await accepted(again);
    expect(account.accepted).toBeGreaterThan(sent + 2);
    expect(account.remainder).toBe(0);
    expect(await second.end('SIGTERM')).toBe(0);
  });
});

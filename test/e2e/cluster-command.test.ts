// `density cluster`: several processes on shared engines, and the owner of each shard.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDensity } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';

const WITHIN_MS = 120_000;
const SHARDS = ['0', '1', '2'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-cluster-command-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** The newest line about owners, such as `n1: 0 2   n2: 1`, as `{ n1: ['0', '2'], n2: ['1'] }`. */
function ownersIn(output: string): Record<string, string[]> {
  const line = /^shards {2}(.*)$/.exec(output.split('\n').findLast((text) => text.startsWith('shards  ')) ?? '')?.[1];
  const owners = (line ?? '').split('   ').map((text) => text.split(': '));
  return Object.fromEntries(owners.map(([name = '', shards = '']) => [name, shards.split(' ')]));
}

it('shows who owns each shard while processes are killed, started and stopped, and stops everything', async () => {
  const cluster = startDensity(['cluster', '--nodes', '2'], {
    DENSITY_DATA_DIR: folder,
    PARTITIONS: String(SHARDS.length),
  });
  const untilOwnedBy = async (...names: string[]): Promise<void> =>
    eventually(() => {
      const owners = ownersIn(cluster.output());
      expect(Object.keys(owners).sort(), cluster.output()).toEqual(names);
      expect(Object.values(owners).flat().sort()).toEqual(SHARDS);
    }, WITHIN_MS);

  await cluster.waitForOutput(/starting 2 nodes\. Commands: kill n2 \| stop n2 \| pause n2 \| resume n2 \| start\n/);
  await cluster.waitForOutput(/^n1 {2}density-api is ready: http/m);
  await cluster.waitForOutput(/^n2 {2}density-api is ready: http/m);
  await untilOwnedBy('n1', 'n2');

  for (const line of ['kill', 'kill n9', 'dance n1']) cluster.type(line);
  await cluster.waitForOutput(/(?:^commands: kill n2 \| .*\n){3}/m);

  cluster.type('kill n2');
  await cluster.waitForOutput(/^n2 {2}ended \(SIGKILL\)$/m, WITHIN_MS);
  await untilOwnedBy('n1');

  cluster.type('start');
  await cluster.waitForOutput(/^n3 {2}density-api is ready: http/m);
  await untilOwnedBy('n1', 'n3');
  cluster.type('stop n3');
  await cluster.waitForOutput(/^n3 {2}ended \(0\)$/m, WITHIN_MS);
  await untilOwnedBy('n1');

  const [, url = ''] = await cluster.waitForOutput(/^n1 {2}density-api is ready: (http\S+)/m);
  expect((await fetch(url)).status).toBe(200);
  expect(await cluster.end('SIGTERM')).toBe(0);
  expect(cluster.output()).toMatch(/^n1 {2}ended \(0\)$/m);
  await expect(fetch(url)).rejects.toThrow();
});

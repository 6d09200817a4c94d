// Many clients that register things at the same moment, with one process and with two that share the logs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, startLocalService, type LocalService } from '../support/local-service.ts';

const CLIENTS = 64;

describe('clients that write the topology at once', () => {
  let first: LocalService;
  let second: LocalService;

  beforeAll(async () => {
    first = await startLocalService({ PARTITIONS: '2' });
    second = await startLocalService({
      PARTITIONS: '2',
      NATS_URL: first.natsUrl,
      CLICKHOUSE_URL: first.clickhouseUrl,
    });
  });
  afterAll(async () => {
    await second?.dispose();
    await first?.dispose();
  });

  /** Client n posts to the n-th process, round robin. */
  async function register(prefix: string, processes: readonly LocalService[]): Promise<void> {
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, (_, n) =>
        request(`${processes[n % processes.length]?.api}/spaces`, 'POST', { name: `${prefix} ${n}` }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: CLIENTS }, () => 201));
    expect(new Set(answers.map(({ body }) => (body as { id: number }).id)).size).toBe(CLIENTS);
  }

  it('E2 are all answered by one process', async () => {
    await register('one process', [first]);
  });

  it('E2 may also import documents', async () => {
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, n) =>
        fetch(`${[first, second][n % 2]?.api}/topology/import`, {
          method: 'POST',
          headers: { 'content-type': 'text/csv' },
          body: `kind,name,ingress_space\nspace,import ${n},\ndoorway,import ${n},import ${n}\n`,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: CLIENTS }, () => 200));
    const results = (await Promise.all(answers.map((answer) => answer.json()))) as { changes_count: number }[];
    expect(results.map(({ changes_count: changes }) => changes)).toEqual(Array.from({ length: CLIENTS }, () => 2));
  });

  it('E2 are all answered by two processes', async () => {
    await register('two processes', [first, second]);
  });
});

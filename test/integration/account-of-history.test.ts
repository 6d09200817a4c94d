// `density account` compares the logs with ClickHouse: while readings come in, after a row was deleted, after a foreign
// row was inserted, and after both were repaired as its output and docs/operations.md say.
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountCommand } from '../../src/cli/account-command.ts';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { readingSubject } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { projectFile } from '../support/project.ts';

const SPACES = 6;
const PARTITIONS = 4;
const FIRST_MS = Date.parse('2024-03-29T12:00:00Z');

describe('density account and ClickHouse', () => {
  let service: LocalService;
  let clickhouse: ClickHouseClient;
  let nats: NatsHandles;
  let sent = 0;

  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: String(PARTITIONS), LATE_BLOCK_AGE_MAX_MS: '50' });
    clickhouse = await connectClickHouse(service.clickhouseUrl);
    nats = await connectNats(service.natsUrl, 'test');
    for (let id = 1; id <= SPACES; id++) {
      await service.send('POST', '/spaces', { name: `Space ${id}` });
      await service.send('POST', '/doorways', {
        name: `Door ${id}`,
        ingress_space_id: id,
        ...(id > 1 ? { egress_space_id: id - 1 } : {}),
      });
      await service.send('POST', '/dpus', { id: `d${id}`, doorway_id: id });
    }
  });
  afterAll(async () => {
    await clickhouse?.close();
    await nats?.nc.close();
    await service?.dispose();
  });

  const rows = async (query: string): Promise<unknown[][]> =>
    (await clickhouse.query({ query, format: 'JSONCompactEachRow' })).json();
  const account = async (): Promise<{ code: number; output: string }> => {
    const lines: string[] = [];
    const code = await accountCommand(service.config, { url: service.url }, (line) => lines.push(line));
    return { code, output: lines.join('\n') };
  };
  const send = async (): Promise<void> => {
    const n = sent++;
    await nats.js.publish(
      readingSubject(`d${1 + (n % SPACES)}`),
      JSON.stringify({ timestamp: FIRST_MS + n * 1_000, direction: n % 3 === 0 ? -1 : 1 }),
    );
  };
  const allStored = async (): Promise<void> =>
    eventually(async () => {
      const { code, output } = await account();
      expect(output).toContain(`stored in ClickHouse ${sent}\n`);
      expect(code).toBe(0);
    });
  const sums = async (): Promise<unknown[][]> =>
    rows(
      `SELECT (SELECT sum(sign) FROM readings), (SELECT sum(sign) FROM events_by_time), (SELECT sum(entrances * sign) FROM events_by_time)`,
    );

  it('A3 holds at every moment while readings come in, are moved and are stored', async () => {
    let isOver = false;
    const sending = (async () => {
      while (!isOver) {
        await Promise.all(Array.from({ length: 20 }, send));
        // Send more only once the previous ones are counted: the test shares the process with the service.
        await account();
      }
    })();
    try {
      for (let n = 0; n < 40; n++) {
        // Retractions and assertions in other shards.
        if (n % 20 === 10)
          await service.send('PATCH', '/dpus/d3', { doorway_id: n > 20 ? 3 : 5, effective_at: '2024-03-29T12:00:30Z' });
        const { code, output } = await account();
        expect(code, output).toBe(0);
      }
    } finally {
      isOver = true;
      await sending;
    }
    await allStored();
    expect(sent).toBeGreaterThan(100);
  });

  it('A3 names the shard that lost a row, and exits with 1', async () => {
    const [[spaceId, shard, reading] = []] = await rows(
      'SELECT space_id, shard, reading_id FROM space_events WHERE is_reading = 1 AND sign = 1 ORDER BY reading_id LIMIT 1',
    );
    const columns =
      'space_id, timestamp, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block';
    await clickhouse.command({
      query: `CREATE TABLE lost ENGINE = MergeTree ORDER BY space_id AS SELECT ${columns} FROM space_events WHERE reading_id = '${String(reading)}' AND space_id = ${String(spaceId)} AND is_reading = 1`,
    });
    const lost = Number((await rows('SELECT sum(sign) FROM lost'))[0]?.[0]);
    expect(lost).toBe(1);
    await clickhouse.command({
      query: `ALTER TABLE space_events DELETE WHERE reading_id = '${String(reading)}' AND space_id = ${String(spaceId)} AND is_reading = 1`,
      clickhouse_settings: { mutations_sync: '2' },
    });
    const { code, output } = await account();
    expect(code).toBe(1);
    expect(output).toContain(`! shard ${String(shard)}: ClickHouse holds 1 reading fewer than its blocks up to `);
    expect(output).toContain('Restore ClickHouse, SPACE_EVENTS and CHECKPOINTS of one backup');
    expect(output).not.toContain('all shards together');
    // The query from the page finds it.
    const [, find = ''] =
      /```sql\n(SELECT space_id, timestamp, reading_id[^]*?)```/.exec(projectFile('docs/operations.md')) ?? [];
    expect((await rows(find)).map(([space, , id, more]) => [space, id, Number(more)])).toEqual([
      [spaceId, reading, -1],
    ]);
    await clickhouse.command({ query: `INSERT INTO space_events (${columns}) SELECT ${columns} FROM lost` });
    expect(await account()).toMatchObject({ code: 0 });
    // The views now have the row twice; the next test repairs that.
    for (const table of ['readings', 'events_by_time'])
      await clickhouse.command({ query: `INSERT INTO ${table} ${viewOf(table)}` });
    expect(await rows(find)).toEqual([]);
  });

  it('A3 names the shard that has a surplus row, and a row with the opposite sign cancels it in every table', async () => {
    const before = await sums();
    const strange = (
      sign: number,
    ): string => `INSERT INTO space_events (space_id, timestamp, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
      SELECT space_id, timestamp + 1, 'strange', 'nobody', doorway_id, direction, entrances, exits, is_egress, ${sign}, 1, shard, block FROM space_events WHERE shard = 2 AND is_reading = 1 ORDER BY reading_id LIMIT 1`;
    await clickhouse.command({ query: strange(1) });
    const { code, output } = await account();
    expect(code).toBe(1);
    expect(output).toContain('! shard 2: ClickHouse holds 1 reading more than its blocks up to ');
    expect(await sums()).not.toEqual(before);
    await clickhouse.command({ query: strange(-1) });
    expect(await account()).toMatchObject({ code: 0 });
    expect(await sums()).toEqual(before);
  });

  it('A3 reports rows of a block that no shard has cut', async () => {
    await clickhouse.command({
      query: `INSERT INTO space_events (space_id, timestamp, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
      SELECT space_id, timestamp, 'later', dpu_id, doorway_id, direction, entrances, exits, is_egress, 1, 1, shard, 999999 FROM space_events WHERE shard = 1 LIMIT 1`,
    });
    const { code, output } = await account();
    expect(code).toBe(1);
    expect(output).toContain('! shard 1: ClickHouse has rows of block 999999, which the shard has not cut');
    await clickhouse.command({ query: 'DELETE FROM space_events WHERE block = 999999' });
    await eventually(async () => expect(await account()).toMatchObject({ code: 0 }));
  });

  it('A3 reports that it could not compare, and exits with 1, while no process answers for the shards', async () => {
    const { stored } = (await service.get('/account')).body as {
      stored: { unknown_shards: number[]; missing: number | null };
    };
    expect(stored).toMatchObject({ unknown_shards: [], missing: 0 });
    await service.service.cluster.stop();
    const { code, output } = await account();
    expect(code).toBe(1);
    expect(output).toContain(`! not compared: shards ${Array.from({ length: PARTITIONS }, (_, k) => k).join(', ')}.`);
  });

  /** Cancels the second copy of the lost row in a view. */
  function viewOf(table: string): string {
    const passed = 'if(e.is_egress = 1, e.exits, e.entrances), if(e.is_egress = 1, e.entrances, e.exits)';
    if (table === 'readings')
      return `SELECT dpu_id, timestamp, id_tail, direction, ${passed}, doorway_id, space_id, -sign, shard, block FROM lost AS e`;
    return `SELECT timestamp, id_tail, dpu_id, direction, ${passed}, doorway_id, space_id, -sign, is_reading, shard, block FROM lost AS e`;
  }
});

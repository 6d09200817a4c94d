// The least that a program has to spend on readings if it keeps them in a log of readings, writes what it made of them into
// a second log, and stores the result in the tables of this service: it reads and parses the readings, publishes commits of
// the same number and size and reads them back, and inserts the same rows in the same blocks. It decides nothing and
// counts nothing.
import type { ClickHouseClient } from '@clickhouse/client';
import { AckPolicy, DeliverPolicy, StorageType } from '@nats-io/jetstream';
import { BLOCK_COLUMNS, insertRows } from '../../src/clickhouse/block-rows.ts';
import { queryRows } from '../../src/clickhouse/query-rows.ts';
import { TABLE_NAMES } from '../../src/clickhouse/schema.ts';
import type { NatsHandles } from '../../src/nats/connect.ts';
import { ROUTER_SUBJECTS } from '../../src/nats/streams.ts';
import { CpuMeter, type CpuUse } from './cpu.ts';

const ROUTERS = 16;
const STREAM = 'FLOOR';

export interface Commits {
  count: number;
  /** Of all. */
  bytes: number;
}

/** Counts the commits from now on. */
export function countCommits({ nc }: NatsHandles): Commits {
  const commits: Commits = { count: 0, bytes: 0 };
  nc.subscribe(ROUTER_SUBJECTS, {
    callback: (_, { data }) => {
      commits.count += 1;
      commits.bytes += data.length;
    },
  });
  return commits;
}

/** @param pids of the processes, this one included */
export async function commitAndReadBack(
  { js, jsm }: NatsHandles,
  { count, bytes }: Commits,
  pids: Readonly<Record<string, number>>,
): Promise<CpuUse> {
  await jsm.streams.add({ name: STREAM, subjects: [`${STREAM}.*`], storage: StorageType.File });
  const { name } = await jsm.consumers.add(STREAM, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All });
  const consumer = await js.consumers.get(STREAM, name);
  const data = new Uint8Array(bytes / count);
  const meter = new CpuMeter(pids);
  const publish = async (router: number): Promise<void> => {
    let lastSubjectSequence = 0;
    for (let n = router; n < count; n += ROUTERS)
      ({ seq: lastSubjectSequence } = await js.publish(`${STREAM}.${router}`, data, {
        expect: { lastSubjectSequence },
      }));
  };
  const publishing = Promise.all(Array.from({ length: ROUTERS }, async (_, router) => publish(router)));
  const messages = await consumer.consume({ max_messages: 10_000 });
  for await (const { seq } of messages) if (seq >= count) break;
  await publishing;
  const use = meter.read();
  await jsm.streams.delete(STREAM);
  return use;
}

/** Empties the tables first. @param pids of the processes, this one included */
export async function insertAgain(client: ClickHouseClient, pids: Readonly<Record<string, number>>): Promise<CpuUse> {
  const blocks = await queryRows<[number, string]>(
    client,
    'SELECT shard, block FROM space_events GROUP BY shard, block ORDER BY block, shard',
    {},
  );
  const columns = BLOCK_COLUMNS.map((column) =>
    column === 'timestamp_ms' ? 'toUnixTimestamp64Milli(timestamp)' : column,
  );
  const texts: Buffer[] = [];
  for (const [shard, block] of blocks) {
    const result = await client.query({
      query: `SELECT ${columns.join(', ')} FROM space_events WHERE shard = ${shard} AND block = ${block}`,
      format: 'TabSeparated',
    });
    texts.push(Buffer.from(await result.text()));
  }
  for (const table of TABLE_NAMES) await client.command({ query: `TRUNCATE TABLE ${table}` });
  const meter = new CpuMeter(pids);
  for (const [n, text] of texts.entries()) await insertRows(client, `floor ${n}`, [text]);
  return meter.read();
}

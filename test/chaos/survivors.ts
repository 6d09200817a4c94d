// Finds the readings that still exist after nats-server's files were damaged: in a copy of the files, read by a
// separate server, and in ClickHouse.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { allPartitions } from '../../src/domain/partition.ts';
import { identityOf } from '../../src/domain/reading.ts';
import { readingOf } from '../../src/domain/space-event.ts';
import { NatsCheckpoints } from '../../src/nats/checkpoints.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { READINGS, SPACE_EVENTS, TOPOLOGY } from '../../src/nats/streams.ts';
import { sentIn } from '../simulation/sent.ts';
import { decodedSnapshot } from '../support/decoded-snapshot.ts';
import { startNatsIn } from '../support/killable-engines.ts';
import type { OracleReading } from '../support/oracle.ts';
import { parseReadingId } from '../support/oracle-readings.ts';

const READ_WITHIN_MS = 30_000;
const decoder = new TextDecoder();

/**
 * @param natsFolder the data of a stopped server
 * @throws when nats-server does not start on the files, or does not return what was stored
 */
export async function readingsInFiles(
  natsFolder: string,
  binary: string,
  partitions: number,
): Promise<OracleReading[]> {
  const folder = await mkdtemp(join(tmpdir(), 'density-survivors-'));
  try {
    await cp(natsFolder, join(folder, 'nats'), { recursive: true });
    await rm(join(folder, 'nats', 'nats-server.pid'), { force: true });
    const server = await startNatsIn(folder, binary, 0);
    try {
      const nats = await connectNats(server.url, 'survivors');
      try {
        for (const { data } of await everything(nats, TOPOLOGY)) JSON.parse(decoder.decode(data));
        return [
          ...sentIn(await everything(nats, READINGS)).readings,
          ...(await everything(nats, SPACE_EVENTS)).flatMap(readingsInCommit),
          ...(await readingsInCheckpoints(nats, partitions)),
        ];
      } finally {
        await nats.nc.close();
      }
    } finally {
      await server.kill9();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every reading with a row of any sign, because the repair works by reading. */
export async function readingsInClickHouse(url: string): Promise<OracleReading[]> {
  const client = await connectClickHouse(url);
  try {
    const result = await client.query({
      query: 'SELECT DISTINCT reading_id, dpu_id FROM space_events',
      format: 'JSONCompactEachRow',
    });
    return (await result.json<[string, string]>()).map(([id, dpuId]) => parseReadingId(id, dpuId));
  } finally {
    await client.close();
  }
}

/** All messages of a stream, skipping holes. */
async function everything({ js, jsm }: NatsHandles, stream: string): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  const { messages } = (await jsm.streams.info(stream)).state;
  if (messages === 0) return entries;
  const consumer = await js.consumers.get(stream);
  for await (const { subject, data, seq, info } of await consumer.fetch({
    max_messages: messages,
    expires: READ_WITHIN_MS,
  })) {
    entries.push({ subject, data, seq, timeMs: Math.floor(info.timestampNanos / 1e6) });
    if (info.pending === 0) break;
  }
  if (entries.length < messages) throw new Error(`${stream} holds ${messages} messages, and returns ${entries.length}`);
  return entries;
}

function readingsInCommit(entry: StoredEntry): OracleReading[] {
  const commit = decodeCommit(entry);
  return [...commit.partitions].flatMap((partition) => commit.section(partition)?.events ?? []).map(oracleReading);
}

async function readingsInCheckpoints({ js, jsm }: NatsHandles, partitions: number): Promise<OracleReading[]> {
  const checkpoints = new NatsCheckpoints(js, jsm);
  const each = allPartitions(partitions).map(async (partition) => {
    // An unreadable checkpoint does not count as a survivor.
    const checkpoint = await checkpoints.load(partition).catch(() => undefined);
    if (!checkpoint) return [];
    return decodedSnapshot(partition, partitions, checkpoint.snapshot).allUnstoredEvents().map(oracleReading);
  });
  return (await Promise.all(each)).flat();
}

function oracleReading(event: Parameters<typeof readingOf>[0]): OracleReading {
  return parseReadingId(identityOf(readingOf(event)), event.dpuId);
}

// The cost of reading READINGS: with one consumer for all partitions of a process (shared), or one filtered consumer
// for each (filtered). 1, 2 and 4 processes read 16 partitions in equal shares; CPU time of nats-server and of the
// readers per message of the stream. "stored": the messages exist before the readers start. "live": they read while the
// messages are published; the cost of publishing alone is measured first, and subtracted.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createInbox } from 'nats';
import type { DpuId, Partition } from '../src/domain/ids.ts';
import { partitionOfDpu } from '../src/domain/partition.ts';
import { findNatsServer } from '../src/local/nats/nats-binary.ts';
import { startNatsServer } from '../src/local/nats/nats-server.ts';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import type { ReadMode } from '../src/nats/read-mode.ts';
import { StreamReader } from '../src/nats/stream-reader.ts';
import { createStreams, partitionOfReading, READINGS, readingsOf, readingSubject } from '../src/nats/streams.ts';
import { SYNC_INTERVAL } from './support/processes.ts';

const [PARTITIONS, DPUS, DATA_BYTES] = [16, 320, 200];
const MESSAGES = Number(process.env['BENCH_MESSAGES'] ?? 200_000);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
const [IN_FLIGHT_MAX, LIVE_PER_MS] = [5_000, 20];
const TICKS_PER_SECOND = 100;
const ENTRIES_MAX = 2_000;
const DATA = new Uint8Array(DATA_BYTES).fill(120);
const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

interface Task {
  readonly url: string;
  readonly mode: ReadMode;
  readonly afterSeq: number;
  readonly expected: readonly (readonly [Partition, number])[];
}
type Report = 'open' | { readonly cpuMicros: number };

async function readAll({ url, mode, afterSeq, expected }: Task): Promise<void> {
  const { nc, js } = await connectNats(url, 'reader');
  const reader = new StreamReader(js, {
    stream: READINGS,
    partitionOf: partitionOfReading,
    catchUpSubjects: (partition) => [readingsOf(partition)],
    modeFor: () => mode,
  });
  const before = process.cpuUsage();
  const cursors = await Promise.all(expected.map(async ([partition]) => reader.open(partition, afterSeq)));
  process.send?.('open' satisfies Report);
  await Promise.all(
    cursors.map(async (cursor, index) => {
      for (let missing = expected[index]?.[1] ?? 0; missing > 0;) missing -= (await cursor.next(ENTRIES_MAX)).length;
    }),
  );
  const { user, system } = process.cpuUsage(before);
  await Promise.all(cursors.map(async (cursor) => cursor.close()));
  process.send?.({ cpuMicros: user + system } satisfies Report);
  await nc.close();
  process.disconnect?.();
}

/** @param perMs the maximum rate; Infinity for as fast as possible */
async function publish({ nc }: NatsHandles, perMs: number): Promise<void> {
  const inbox = createInbox();
  let acknowledged = 0;
  const acks = nc.subscribe(inbox, {
    callback: (error) => {
      if (!error) acknowledged += 1;
    },
  });
  const startedAt = performance.now();
  for (let n = 0; n < MESSAGES; n++) {
    nc.publish(readingSubject(`dpu-${n % DPUS}`), DATA, { reply: inbox });
    while (n - acknowledged > IN_FLIGHT_MAX || n > (performance.now() - startedAt + 1) * perMs) await sleep(1);
  }
  while (acknowledged < MESSAGES) await sleep(1);
  acks.unsubscribe();
}

async function reported(child: ChildProcess): Promise<Report> {
  const [report] = (await once(child, 'message')) as [Report];
  return report;
}

async function serverCpuMicros(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

async function benchmark(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'density-readers-'));
  const { path: binary } = await findNatsServer({
    cacheDir: fileURLToPath(new URL('../.cache/nats-server', import.meta.url)),
    onProgress: printLine,
  });
  const server = await startNatsServer({
    binary,
    dataDir: folder,
    host: '127.0.0.1',
    port: 0,
    mqttPort: 0,
    name: 'bench',
    logFile: join(folder, 'nats.log'),
    syncInterval: SYNC_INTERVAL,
  });
  const nats = await connectNats(server.url, 'bench');
  await createStreams(nats.jsm, PARTITIONS, 1);
  const counts = new Map<Partition, number>();
  for (let n = 0; n < MESSAGES; n++) {
    const partition = partitionOfDpu(`dpu-${n % DPUS}` as DpuId, PARTITIONS);
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
  }
  const expected = [...counts].sort(([a], [b]) => a - b);

  const measure = async (
    processes: number,
    mode: ReadMode,
    afterSeq: number,
    work: () => Promise<void>,
  ): Promise<{ server: number; readers: number; ms: number }> => {
    const children: ChildProcess[] = [];
    const [serverBefore, startedAt] = [await serverCpuMicros(server.pid), performance.now()];
    for (let n = 0; n < processes; n++) {
      const child = fork(fileURLToPath(import.meta.url), ['reader']);
      children.push(child);
      child.send({
        url: server.url,
        mode,
        afterSeq,
        expected: expected.filter((_, index) => index % processes === n),
      } satisfies Task);
    }
    await Promise.all(children.map(reported));
    const reports = Promise.all(children.map(reported));
    await work();
    const readers = (await reports).reduce((sum, report) => sum + (report === 'open' ? 0 : report.cpuMicros), 0);
    const ms = performance.now() - startedAt;
    await Promise.all(children.map(async (child) => child.exitCode ?? once(child, 'exit')));
    return { server: ((await serverCpuMicros(server.pid)) - serverBefore) / MESSAGES, readers: readers / MESSAGES, ms };
  };
  const lastSeq = async (): Promise<number> => (await nats.jsm.streams.info(READINGS)).state.last_seq;

  await publish(nats, Infinity);
  printLine(
    `${MESSAGES} messages of ${DATA_BYTES} bytes, ${PARTITIONS} partitions, ${cpus().length} x ${cpus()[0]?.model.trim()}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
  );
  printLine('| what | processes | mode | server, µs a message | readers, µs a message | both |');
  printLine('| --- | --- | --- | --- | --- | --- |');
  const row = (what: string, processes: number | string, mode: string, server: number, readers: number): void =>
    printLine(
      `| ${what} | ${processes} | ${mode} | ${server.toFixed(1)} | ${readers.toFixed(1)} | ${(server + readers).toFixed(1)} |`,
    );
  for (let run = 0; run < RUNS; run++) {
    for (const processes of [1, 2, 4]) {
      for (const mode of ['shared', 'filtered'] as const) {
        const { server: onServer, readers } = await measure(processes, mode, 0, async () => undefined);
        row('stored', processes, mode, onServer, readers);
      }
    }
  }
  for (let run = 0; run < RUNS; run++) {
    const before = await serverCpuMicros(server.pid);
    await publish(nats, LIVE_PER_MS);
    const alone = ((await serverCpuMicros(server.pid)) - before) / MESSAGES;
    row('live: publishing alone', '', '', alone, 0);
    for (const processes of [1, 2, 4]) {
      for (const mode of ['shared', 'filtered'] as const) {
        const { server: onServer, readers } = await measure(processes, mode, await lastSeq(), async () =>
          publish(nats, LIVE_PER_MS),
        );
        row('live', processes, mode, onServer - alone, readers);
      }
    }
  }
  await nats.nc.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

if (process.argv[2] === 'reader') process.once('message', (task: Task) => void readAll(task));
else await benchmark();

// The cost of an acknowledgement: readings are published one per message, alternately to a nats-server that syncs
// before each acknowledgement and to one that syncs every two minutes. Over NATS with one publisher that waits for each
// acknowledgement, and with many at once; over MQTT at QoS 1 with the server alone, and with the service, which looks
// up each message in READINGS and releases it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { findNatsServer } from '../src/local/nats/nats-binary.ts';
import { startNatsServer, type LocalNatsServer } from '../src/local/nats/nats-server.ts';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import { MQTT_MESSAGES, openMqttMessages } from '../src/nats/mqtt-messages.ts';
import { NatsReadingsLog } from '../src/nats/readings-log.ts';
import { createStreams, readingSubject } from '../src/nats/streams.ts';
import { keepAcknowledged } from '../src/publishing/keep-acknowledged.ts';
import { MACHINE_TIMING } from '../src/runtime/timing.ts';
import { eventually } from '../test/support/eventually.ts';
import { CpuMeter, type CpuUse } from './support/cpu.ts';
import { grouped, machine, numberFrom, printLine } from './support/output.ts';
import { median } from './support/statistics.ts';

const SYNC_INTERVALS = ['always', '2m'] as const;
const ROUNDS = numberFrom('BENCH_ROUNDS', 3);
const SECONDS = numberFrom('BENCH_SECONDS', 3);
const MQTT_DEVICES = 6;
const RELEASED_WITHIN_MS = 300_000;

interface Way {
  readonly name: string;
  readonly waiting: number;
  /** @returns a function that publishes one reading and waits for its acknowledgement */
  open(
    server: LocalNatsServer,
    nats: NatsHandles,
  ): Promise<{ publish(lane: number, data: string): Promise<unknown>; close(): Promise<void> }>;
}

async function overNats(_server: LocalNatsServer, { js }: NatsHandles): ReturnType<Way['open']> {
  return { publish: (lane, data) => js.publish(readingSubject(`dpu-${lane}`), data), close: async () => undefined };
}

async function overMqtt({ mqttPort }: LocalNatsServer): ReturnType<Way['open']> {
  const connected = async (n: number): Promise<mqtt.MqttClient> =>
    mqtt.connectAsync({ host: '127.0.0.1', port: mqttPort, protocolVersion: 4, clientId: `dpu-${n}` });
  const clients = await Promise.all(Array.from({ length: MQTT_DEVICES }, async (_, n) => connected(n)));
  return {
    publish: async (lane, data) =>
      clients[lane % MQTT_DEVICES]?.publishAsync(`dpu/dpu-${lane % MQTT_DEVICES}/readings`, data, { qos: 1 }),
    close: async () => void (await Promise.all(clients.map(async (client) => client.endAsync()))),
  };
}

async function overMqttAndKept(server: LocalNatsServer, { nc, js, jsm }: NatsHandles): ReturnType<Way['open']> {
  const acknowledged = await openMqttMessages(nc, 1);
  const abort = new AbortController();
  const keeping = keepAcknowledged(
    {
      acknowledged,
      readings: new NatsReadingsLog(nc, js, jsm),
      timing: MACHINE_TIMING,
      log: pino({ level: 'silent' }),
      onRestored: (messages) =>
        printLine(`  ${messages} were appended to READINGS, which took more than a second to accept them`),
    },
    abort.signal,
  );
  const { publish, close } = await overMqtt(server);
  return {
    publish,
    close: async () => {
      await close();
      await eventually(async () => {
        const { state } = await jsm.streams.info(MQTT_MESSAGES);
        if (state.messages > 0) throw new Error(`${state.messages} messages of MQTT are not released`);
      }, RELEASED_WITHIN_MS);
      abort.abort();
      await keeping;
    },
  };
}

const WAYS: readonly Way[] = [
  { name: 'NATS, one waits', waiting: 1, open: overNats },
  { name: 'NATS, 200 wait', waiting: 200, open: overNats },
  { name: `MQTT, ${MQTT_DEVICES} devices, 20 each wait`, waiting: MQTT_DEVICES * 20, open: overMqtt },
  { name: 'the same, looked for in READINGS and released', waiting: MQTT_DEVICES * 20, open: overMqttAndKept },
];

interface Figures {
  readonly perSecond: number;
  readonly use: CpuUse;
  readonly count: number;
}

async function measure(binary: string, syncInterval: string, { waiting, open }: Way): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'density-acknowledged-'));
  const server = await startNatsServer({
    binary,
    dataDir: join(folder, 'nats'),
    host: '127.0.0.1',
    port: 0,
    mqttPort: 0,
    name: 'bench',
    logFile: join(folder, 'log'),
    syncInterval,
  });
  const nats = await connectNats(server.url, 'bench');
  try {
    await createStreams(nats.jsm, 16, 1);
    const { publish, close } = await open(server, nats);
    const cpu = new CpuMeter({ 'nats-server': server.pid, client: process.pid });
    const startedAt = performance.now();
    const end = startedAt + SECONDS * 1000;
    let count = 0;
    await Promise.all(
      Array.from({ length: waiting }, async (_, lane) => {
        while (performance.now() < end)
          await publish(lane, JSON.stringify({ timestamp: 1_767_225_600_000 + count++, direction: 1 }));
      }),
    );
    const perSecond = (count * 1000) / (performance.now() - startedAt);
    await close();
    return { perSecond, use: cpu.read(), count };
  } finally {
    await nats.nc.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const { path: binary, version } = await findNatsServer({
  cacheDir: fileURLToPath(new URL('../.cache/nats-server', import.meta.url)),
  onProgress: printLine,
});
printLine(`nats-server ${version}; medians of ${ROUNDS} alternating rounds of ${SECONDS} s`);
printLine('| how | sync_interval | acknowledged/s | nats-server, us CPU each | client, us CPU each |');
printLine('| --- | --- | --- | --- | --- |');
for (const way of WAYS) {
  const figures = new Map(SYNC_INTERVALS.map((sync): [string, Figures[]] => [sync, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [sync, all] of figures) all.push(await measure(binary, sync, way));
  }
  for (const [sync, all] of figures) {
    const cpuOf = (name: string): string =>
      median(all.map(({ use, count }) => ((use.cpuSeconds.get(name) ?? NaN) * 1e6) / count)).toFixed(0);
    printLine(
      `| ${way.name} | ${sync} | ${grouped(median(all.map(({ perSecond }) => perSecond)))} | ${cpuOf('nats-server')} | ${cpuOf('client')} |`,
    );
  }
}
printLine(`(${machine()})`);

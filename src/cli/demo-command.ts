// `density demo`: the service with a small building whose DPUs are simulated.
import type { Config } from '../config.ts';
import { registerBuilding, type DemoBuilding } from '../demo/building.ts';
import { Crowd } from '../demo/crowd.ts';
import type { SpaceId } from '../domain/ids.ts';
import { connectNats } from '../nats/connect.ts';
import { natsSecurityOf } from './nats-security.ts';
import type { PrintLine } from './print-line.ts';
import type { Running } from './serve.ts';
import { serveUntilSignal } from './run-command.ts';

const STATUS_INTERVAL_MS = 15_000;

/** @returns the exit code */
export async function demoCommand(config: Config, printLine: PrintLine): Promise<number> {
  printLine('starting the engines; the first start downloads what is missing');
  return serveUntilSignal(
    config,
    config.LOG_LEVEL === 'info' ? 'warn' : config.LOG_LEVEL,
    printLine,
    async (running) => {
      const building = await registerBuilding(
        running.service.topology,
        Intl.DateTimeFormat().resolvedOptions().timeZone,
        'demo',
      );
      printLine(
        building.isNew
          ? 'registered a building with three spaces and five DPUs'
          : 'the building of an earlier run is used again',
      );
      const { nc } = await connectNats(running.natsUrl, 'density demo', natsSecurityOf(config));
      const crowd = new Crowd(nc, building, await countsOf(running, building));
      if (building.isNew)
        printLine(`sent the last two hours, as if the DPUs had been offline: ${crowd.backfill(Date.now())} readings`);
      crowd.start();
      printLine('people come and go; some readings are out of order, duplicated or late');
      for (const line of suggestedCommands(config, running, building)) printLine(line);
      const status = setInterval(() => void printStatus(running, building, printLine), STATUS_INTERVAL_MS);
      return async () => {
        clearInterval(status);
        crowd.stop();
        await nc.close();
      };
    },
  );
}

async function countsOf({ service }: Running, { spaces }: DemoBuilding): Promise<Map<SpaceId, number>> {
  const counts = new Map<SpaceId, number>();
  for (const { id } of spaces) counts.set(id, (await service.counts.now(id, Date.now())).count);
  return counts;
}

async function printStatus(running: Running, building: DemoBuilding, printLine: PrintLine): Promise<void> {
  try {
    const counts = await countsOf(running, building);
    printLine(building.spaces.map(({ id, name }) => `${name} ${counts.get(id)}`).join(' · '));
  } catch (error) {
    printLine(`counts are unavailable: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function suggestedCommands(
  config: Config,
  { url, natsUrl, mqttPort }: Running,
  { spaces, doors }: DemoBuilding,
): string[] {
  const api = `${url}/api/v1`;
  const space = spaces[0]?.id ?? 1;
  const dpu = doors[0]?.dpuId ?? '';
  return [
    '',
    `open ${url}/ in a browser to see the building live`,
    '',
    `ready: ${url}   (NATS ${natsUrl}${mqttPort === undefined ? '' : `, MQTT port ${mqttPort}`}, data in ${config.DENSITY_DATA_DIR})`,
    '',
    'try, in another terminal:',
    `  curl ${api}/counts/${space}/current`,
    `  curl '${api}/counts/${space}/current?at=${new Date(Date.now() - 3_600_000).toISOString()}'`,
    `  curl '${api}/counts/${space}/intervals?interval=15m'`,
    `  curl -d '{"dpu_id":"${dpu}","timestamp":"${new Date().toISOString()}","direction":1}' -H 'content-type: application/json' ${api}/readings`,
    `  curl ${api}/spaces`,
    '  npx density account',
    '',
    'Ctrl-C stops everything that was started here.',
    '',
  ];
}

import type { Config } from '../config.ts';
import type { PrintLine } from './print-line.ts';
import { serve, type Running } from './serve.ts';
import { signalled } from './signals.ts';

/**
 * Serves until a signal arrives. An engine that was started here is restarted when it dies.
 * @param whileRunning called once the service is ready; the function that it returns is called before the service
 * stops
 * @returns the exit code
 */
export async function serveUntilSignal(
  config: Config,
  logLevel: Config['LOG_LEVEL'],
  printLine: PrintLine,
  whileRunning: (running: Running) => Promise<() => Promise<void>>,
): Promise<number> {
  const signal = signalled();
  const onFailure = (error: Error): void => printLine(`${error.message} It is being restarted.`);
  const running = await Promise.race([serve(config, { printLine, onFailure, logLevel }), signal.then(() => undefined)]);
  if (!running) return 130;
  const quit = await whileRunning(running);
  printLine(`${await signal}: stopping; the data stays in ${config.DENSITY_DATA_DIR}`);
  await quit();
  await running.stop();
  printLine('stopped');
  return 0;
}

export async function runCommand(
  config: Config,
  options: { json?: boolean },
  printLine: PrintLine,
  warn: PrintLine,
): Promise<number> {
  return serveUntilSignal(
    config,
    config.LOG_LEVEL,
    options.json ? warn : printLine,
    async ({ url, natsUrl, clickhouseUrl, mqttPort }) => {
      printLine(
        options.json
          ? JSON.stringify({ url, nats_url: natsUrl, clickhouse_url: clickhouseUrl, mqtt_port: mqttPort ?? null })
          : `density-api is ready: ${url}/api/v1/health`,
      );
      return async () => undefined;
    },
  );
}

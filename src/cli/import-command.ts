// `density import`: publishes the readings of a CSV file.
import type { Config } from '../config.ts';
import { connectCommand } from './connect-command.ts';
import { NatsReadingsLog } from '../nats/readings-log.ts';
import { importCsv } from './csv-import.ts';
import { SingleBar } from 'cli-progress';
import { stat } from 'node:fs/promises';
import type { PrintLine } from './print-line.ts';

const SHOWN_MAX = 20;

/**
 * @returns 0 if every line was accepted, 2 if not
 */
export async function importCommand(
  config: Config,
  file: string,
  options: { nats?: string; json?: boolean },
  printLine: PrintLine,
): Promise<number> {
  const found = await stat(file).catch((error: unknown) => {
    throw new Error(`cannot read ${file}`, { cause: error });
  });
  const { nc, js, jsm } = await connectCommand(config, options.nats, 'density import');
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {accepted} accepted, {rejected} rejected',
    clearOnComplete: true,
  });
  bar.start(Math.max(1, found.size), 0, { accepted: 0, rejected: 0 });
  try {
    const result = await importCsv(file, new NatsReadingsLog(nc, js, jsm), {
      latestMs: Date.now() + config.SKEW_MAX_MS,
      onProgress: (bytes, accepted, rejected) => bar.update(bytes, { accepted, rejected }),
    });
    bar.stop();
    if (options.json) {
      printLine(JSON.stringify({ file, accepted: result.accepted, rejected: result.rejected }));
      return result.rejected.length === 0 ? 0 : 2;
    }
    printLine(`${file}: ${result.accepted} accepted, ${result.rejected.length} rejected`);
    for (const { line, detail } of result.rejected.slice(0, SHOWN_MAX)) printLine(`  line ${line}: ${detail}`);
    if (result.rejected.length > SHOWN_MAX) printLine(`  … and ${result.rejected.length - SHOWN_MAX} more`);
    return result.rejected.length === 0 ? 0 : 2;
  } finally {
    bar.stop();
    await nc.close();
  }
}

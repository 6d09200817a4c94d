// `density dpus exclude`, `exclusions` and `include`: spans of time in which the readings of a DPU count in no space.
import type { Command } from 'commander';
import { ApiClient } from './api-client.ts';
import { printDryRun, triedAt, withDryRun, type DryRunJson } from './dry-run.ts';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import { table } from './table.ts';
import { atLeastOne, withApi } from './topology-commands.ts';

interface ExclusionJson {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

interface Common {
  readonly json?: boolean;
  readonly url?: string;
}

interface Trying extends Common {
  readonly dryRun?: boolean;
}

/** Adds the commands to `density dpus`. */
export function addExclusions(
  dpus: Command,
  readConfig: ReadConfig,
  printLine: PrintLine,
  finish: (code: number) => void,
): void {
  const pathOf = (dpu: string): string => `/dpus/${encodeURIComponent(dpu)}/exclusions`;
  const printTried = (found: DryRunJson, { json }: Common): void => {
    printDryRun(found, json, printLine);
    finish(0);
  };
  withApi(dpus.command('exclusions').description('print the exclusions of a DPU').argument('<id>')).action(
    async (id: string, options: Common) => {
      const list = await new ApiClient(await readConfig(), options).list<ExclusionJson>(pathOf(id));
      const rows = list.map(({ id: exclusion, from, to, reason }) => [exclusion, from, to, reason]);
      if (options.json) printLine(JSON.stringify(list));
      else for (const line of table(['id', 'from', 'to', 'reason'], rows)) printLine(line);
      finish(0);
    },
  );
  withDryRun(
    withApi(
      dpus
        .command('exclude')
        .description('exclude the readings of a DPU during a span of time, those already sent and those to come')
        .argument('<id>'),
    ),
  )
    .requiredOption('--from <instant>', 'readings with this timestamp are excluded')
    .requiredOption('--to <instant>', 'readings with this timestamp count again')
    .requiredOption('--reason <text>', 'why they do not count')
    .action(async (id: string, options: Trying & { from: string; to: string; reason: string }) => {
      const { from, to, reason, dryRun } = options;
      const client = new ApiClient(await readConfig(), options);
      if (dryRun) return printTried(await client.send('POST', triedAt(pathOf(id)), { from, to, reason }), options);
      const exclusion = await client.send<ExclusionJson>('POST', pathOf(id), { from, to, reason });
      const sentence = `exclusion ${exclusion.id}: readings of DPU ${id} from ${exclusion.from} to ${exclusion.to} count in no space`;
      printLine(options.json ? JSON.stringify(exclusion) : sentence);
      finish(0);
    });
  withDryRun(
    withApi(
      dpus
        .command('include')
        .description('delete an exclusion of a DPU, so that its readings count again')
        .argument('<id>')
        .argument('<exclusion>', 'id of the exclusion', atLeastOne),
    ),
  ).action(async (id: string, exclusion: number, options: Trying) => {
    const client = new ApiClient(await readConfig(), options);
    const path = `${pathOf(id)}/${exclusion}`;
    const response = await client.fetch(options.dryRun ? triedAt(path) : path, { method: 'DELETE' });
    if (options.dryRun) return printTried((await response.json()) as DryRunJson, options);
    printLine(options.json ? JSON.stringify({ id: exclusion }) : `exclusion ${exclusion} of DPU ${id} is deleted`);
    finish(0);
  });
}

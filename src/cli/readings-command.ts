// `density readings delete`, `restore` and `deleted`: single readings that count in no space.
import { Command } from 'commander';
import { ApiClient } from './api-client.ts';
import { printDryRun, triedAt, withDryRun, type DryRunJson } from './dry-run.ts';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import { table } from './table.ts';
import { withApi } from './topology-commands.ts';

interface DeletedReadingJson {
  readonly id: string;
  readonly reason: string;
  readonly deleted_at: string;
}

interface Common {
  readonly json?: boolean;
  readonly url?: string;
  readonly dryRun?: boolean;
}

export function readingsCommand(readConfig: ReadConfig, printLine: PrintLine, finish: (code: number) => void): Command {
  const readings = new Command('readings').description('delete and restore single readings');
  const pathOf = (id: string): string => `/readings/${encodeURIComponent(id)}`;
  withDryRun(
    withApi(
      readings
        .command('delete')
        .description('delete a reading, whether it was sent already or not: counts are as if it had never been sent')
        .argument('<id>', 'id of the reading, such as 423~1519461921893~+'),
    ),
  )
    .requiredOption('--reason <text>', 'why it does not count')
    .action(async (id: string, options: Common & { reason: string }) => {
      const client = new ApiClient(await readConfig(), options);
      const query = { reason: options.reason, ...(options.dryRun ? { dry_run: 'true' } : {}) };
      const path = `${pathOf(id)}?${new URLSearchParams(query).toString()}`;
      const answer: unknown = await (await client.fetch(path, { method: 'DELETE' })).json();
      if (options.dryRun) printDryRun(answer as DryRunJson, options.json, printLine);
      else printLine(options.json ? JSON.stringify(answer) : `reading ${(answer as DeletedReadingJson).id} is deleted`);
      finish(0);
    });
  withDryRun(
    withApi(
      readings
        .command('restore')
        .description('restore a deleted reading, so that it counts again')
        .argument('<id>', 'id of the reading'),
    ),
  ).action(async (id: string, options: Common) => {
    const path = `${pathOf(id)}/restore`;
    const client = new ApiClient(await readConfig(), options);
    const response = await client.fetch(options.dryRun ? triedAt(path) : path, { method: 'POST' });
    if (options.dryRun) printDryRun((await response.json()) as DryRunJson, options.json, printLine);
    else printLine(options.json ? JSON.stringify({ id }) : `reading ${id} is restored`);
    finish(0);
  });
  withApi(readings.command('deleted').description('print the deleted readings, with the reasons')).action(
    async (options: Common) => {
      const list = await new ApiClient(await readConfig(), options).list<DeletedReadingJson>('/deleted-readings');
      const rows = list.map(({ id, deleted_at: at, reason }) => [id, at, reason]);
      if (options.json) printLine(JSON.stringify(list));
      else for (const line of table(['id', 'deleted at', 'reason'], rows)) printLine(line);
      finish(0);
    },
  );
  return readings;
}

// `density export events`, `intervals` and `readings`: history without a limit on rows, as CSV or Parquet, through the API.
import { Command, Option } from 'commander';
import { ApiClient, type ApiOptions } from './api-client.ts';
import type { ReadConfig } from './read-config.ts';
import { instant, whole } from './topology-commands.ts';

const TYPES = { csv: 'text/csv', parquet: 'application/vnd.apache.parquet' } as const;
type Format = keyof typeof TYPES;

interface ExportOptions extends ApiOptions {
  readonly format?: Format;
  readonly start?: string;
  readonly end?: string;
  readonly tz?: string;
}

interface ReadingsOptions extends ExportOptions {
  readonly space?: number;
  readonly filter?: string;
}

export function exportCommand(readConfig: ReadConfig, finish: (code: number) => void): Command {
  const command = new Command('export').description(
    'write events, intervals or readings as CSV or Parquet, without a limit on rows',
  );
  const send = async (options: ExportOptions, file: string | undefined, pathOf: PathOf): Promise<void> => {
    const client = new ApiClient(await readConfig(), options);
    await download(client, await pathOf(client), TYPES[options.format ?? formatOf(file)], file);
    finish(0);
  };
  const timed = ({ start, end, tz }: ExportOptions) => ({ start, end, tz });
  withExport(
    command.command('events').description('every event of a space').argument('<space>', 'id of the space'),
  ).action(async (space: string, file: string | undefined, options: ExportOptions) =>
    send(options, file, () => pathWith(`/exports/events/${encodeURIComponent(space)}`, timed(options))),
  );
  withExport(
    command
      .command('intervals')
      .description('entrances, exits and counts per interval')
      .argument('<spaces>', 'id of the space, or several: 1,2,3'),
  )
    .option('--interval <length>', 'such as 15m, 1h, 1d, 1w or 1M; default: 15m')
    .action(async (spaces: string, file: string | undefined, options: ExportOptions & { interval?: string }) =>
      send(options, file, () =>
        pathWith('/exports/intervals', { space_id: spaces, ...timed(options), interval: options.interval }),
      ),
    );
  withExport(command.command('readings').description('every reading, with its id and device'))
    .option('--space <id>', 'only readings of the doorways that lead into or out of this space now', whole)
    .option('--filter <expression>', "only readings that it matches, such as dpu_id = '423'")
    .action(async (file: string | undefined, options: ReadingsOptions) =>
      send(options, file, async (client) =>
        pathWith('/exports/readings', { filter: await filterOf(client, options), tz: options.tz }),
      ),
    );
  return command;
}

type PathOf = (client: ApiClient) => string | Promise<string>;

function withExport(command: Command): Command {
  return command
    .argument('[file]', 'the file to write; default, or -: standard output')
    .addOption(
      new Option('--format <format>', "default: the one of the file's name, or csv").choices(['csv', 'parquet']),
    )
    .option('--start <instant>', 'start of the span, inclusive', instant)
    .option('--end <instant>', 'end of the span, exclusive', instant)
    .option('--tz <zone>', 'time zone in which times are written, such as Europe/Vienna; CSV only; default: UTC')
    .option('--url <url>', 'URL of the service; default: from HOST and PORT');
}

async function download(client: ApiClient, path: string, type: string, file: string | undefined): Promise<void> {
  // Not loaded before it is needed, so that the help of all commands stays fast.
  const { received } = await import('./received-file.ts');
  const { interrupted } = await import('./signals.ts');
  const signal = interrupted();
  const answer = await client.fetch(path, { headers: { accept: type }, signal }).catch((error: unknown) => {
    throw signal.aborted ? new Error('interrupted', { cause: error }) : error;
  });
  await received(answer, file === '-' ? undefined : file, signal);
}

function pathWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  return `${path}?${new URLSearchParams(given).toString()}`;
}

async function filterOf(
  client: ApiClient,
  { space, start, end, filter }: ReadingsOptions,
): Promise<string | undefined> {
  const terms = [
    ...(start === undefined ? [] : [`timestamp >= '${start}'`]),
    ...(end === undefined ? [] : [`timestamp < '${end}'`]),
    ...(space === undefined ? [] : [`doorway_id in (${(await doorwaysOf(client, space)).join(', ')})`]),
    ...(filter === undefined ? [] : [`(${filter})`]),
  ];
  return terms.length === 0 ? undefined : terms.join(' and ');
}

interface DoorwayJson {
  readonly id: number;
  readonly ingress_space_id: number | null;
  readonly egress_space_id: number | null;
}

async function doorwaysOf(client: ApiClient, space: number): Promise<number[]> {
  await client.get(`/spaces/${space}`);
  const found = (await client.list<DoorwayJson>('/doorways')).filter(
    ({ ingress_space_id: into, egress_space_id: outOf }) => into === space || outOf === space,
  );
  if (found.length === 0) throw new Error(`no doorway leads into or out of space ${space}`);
  return found.map(({ id }) => id);
}

function formatOf(file = ''): Format {
  return /\.parquet$/i.test(file) ? 'parquet' : 'csv';
}

// `density spaces`, `doorways` and `dpus`: list and change the topology through the API.
import { Command, InvalidArgumentError } from 'commander';
import { parseInstant } from '../domain/instant.ts';
import { ApiClient } from './api-client.ts';
import { printDryRun, triedAt, withDryRun } from './dry-run.ts';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import { table } from './table.ts';

interface SpaceJson {
  readonly id: number;
  readonly name: string;
  readonly time_zone: string;
  readonly daily_reset: string | null;
  readonly daily_reset_count: number;
  readonly capacity: number | null;
}

interface DoorwayJson {
  readonly id: number;
  readonly name: string;
  readonly ingress_space_id: number | null;
  readonly egress_space_id: number | null;
}

interface DpuJson {
  readonly id: string;
  readonly doorway_id: number | null;
}

interface UnplacedDpuJson {
  readonly id: string;
  readonly adapter: string | null;
  readonly registered: boolean;
  readonly doorway_id: number | null;
  readonly held: number;
  readonly first_reading_at: string;
  readonly last_reading_at: string;
}

interface MessageJson {
  readonly stored_at: string;
  readonly subject: string;
  readonly bytes: number;
  readonly text: string;
}

interface Common {
  readonly json?: boolean;
  readonly url?: string;
}

interface Trying extends Common {
  readonly dryRun?: boolean;
}

interface SpaceOptions {
  readonly timeZone?: string;
  readonly dailyReset?: string;
  readonly dailyResetCount?: number;
  readonly capacity?: number;
}

type Finish = (code: number) => void;

/** Adds the options of every command that calls the API. */
export function withApi(command: Command): Command {
  return command
    .option('--json', 'print JSON')
    .option('--url <url>', 'URL of the service; default: from HOST and PORT');
}

export function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

export function atLeastOne(text: string): number {
  const number = whole(text);
  if (number === 0) throw new InvalidArgumentError('must be at least 1.');
  return number;
}

/** Checked here, sent as it was written. */
export function instant(text: string): string {
  if (parseInstant(text) === undefined) throw new InvalidArgumentError('must be an ISO 8601 instant with an offset.');
  return text;
}

type DoorwayOrNone = number | 'none';

/** Not null, because commander treats that as a missing value. */
function doorwayOrNone(text: string): DoorwayOrNone {
  return text === 'none' ? text : whole(text);
}

function idOrNull(doorway: DoorwayOrNone): number | null {
  return doorway === 'none' ? null : doorway;
}

function columns<T>(
  items: readonly T[],
  { json }: Common,
  header: readonly string[],
  row: (item: T) => (string | number | null)[],
  printLine: PrintLine,
): void {
  if (json) printLine(JSON.stringify(items));
  else for (const line of table(header, items.map(row))) printLine(line);
}

function one<T extends object>(item: T, { json }: Common, sentence: string, printLine: PrintLine): void {
  printLine(json ? JSON.stringify(item) : sentence);
}

export function spacesCommand(readConfig: ReadConfig, printLine: PrintLine, finish: Finish): Command {
  const spaces = new Command('spaces').description('list and add spaces');
  withApi(spaces.command('list', { isDefault: true }).description('print all spaces')).action(
    async (options: Common) => {
      const list = await new ApiClient(await readConfig(), options).list<SpaceJson>('/spaces');
      columns(
        list,
        options,
        ['id', 'name', 'time zone', 'daily reset', 'reset to', 'capacity'],
        ({ id, name, time_zone: zone, daily_reset: reset, daily_reset_count: to, capacity }) => [
          ...[id, name, zone, reset],
          ...[reset === null ? null : to, capacity],
        ],
        printLine,
      );
      finish(0);
    },
  );
  withApi(spaces.command('add').description('add a space').argument('<name>'))
    .option('--time-zone <zone>', 'IANA time zone, such as Europe/Vienna; default: UTC')
    .option('--daily-reset <time>', 'local time of day at which the count is reset, such as 04:00')
    .option('--daily-reset-count <people>', 'how many people are in the space then; default: 0', whole)
    .option('--capacity <people>', 'how many people the space is for', whole)
    .action(async (name: string, options: Common & SpaceOptions) => {
      const { timeZone, dailyReset, dailyResetCount, capacity } = options;
      const fields = { time_zone: timeZone, daily_reset: dailyReset, daily_reset_count: dailyResetCount, capacity };
      const body = { name, ...given(fields) };
      const space = await new ApiClient(await readConfig(), options).send<SpaceJson>('POST', '/spaces', body);
      one(space, options, `space ${space.id}: ${space.name}`, printLine);
      finish(0);
    });
  return spaces;
}

export function doorwaysCommand(readConfig: ReadConfig, printLine: PrintLine, finish: Finish): Command {
  const doorways = new Command('doorways').description('list and add doorways, the thresholds between spaces');
  withApi(doorways.command('list', { isDefault: true }).description('print all doorways')).action(
    async (options: Common) => {
      const list = await new ApiClient(await readConfig(), options).list<DoorwayJson>('/doorways');
      columns(
        list,
        options,
        ['id', 'name', 'into', 'from'],
        ({ id, name, ingress_space_id: into, egress_space_id: from }) => [id, name, into, from],
        printLine,
      );
      finish(0);
    },
  );
  withApi(
    doorways
      .command('add')
      .description('add a doorway; without a space on one side it leads outside')
      .argument('<name>'),
  )
    .option('--into <space>', 'id of the space that direction 1 leads into', whole)
    .option('--from <space>', 'id of the space that direction 1 comes from', whole)
    .action(async (name: string, options: Common & { into?: number; from?: number }) => {
      const body = { name, ...given({ ingress_space_id: options.into, egress_space_id: options.from }) };
      const doorway = await new ApiClient(await readConfig(), options).send<DoorwayJson>('POST', '/doorways', body);
      one(doorway, options, `doorway ${doorway.id}: ${doorway.name}`, printLine);
      finish(0);
    });
  return doorways;
}

const where = ({ id, doorway_id: doorway }: DpuJson): string =>
  doorway === null ? `DPU ${id} is above no doorway` : `DPU ${id} is above doorway ${doorway}`;

export function dpusCommand(readConfig: ReadConfig, printLine: PrintLine, finish: Finish): Command {
  const dpus = new Command('dpus').description('list, add and move DPUs, the sensors above doorways');
  withApi(dpus.command('list', { isDefault: true }).description('print all DPUs')).action(async (options: Common) => {
    const list = await new ApiClient(await readConfig(), options).list<DpuJson>('/dpus');
    columns(list, options, ['id', 'doorway'], ({ id, doorway_id: doorway }) => [id, doorway], printLine);
    finish(0);
  });
  addUnplaced(dpus, readConfig, printLine, finish);
  addMessages(dpus, readConfig, printLine, finish);
  addDpu(dpus, readConfig, printLine, finish);
  moveDpu(dpus, readConfig, printLine, finish);
  return dpus;
}

function addDpu(dpus: Command, readConfig: ReadConfig, printLine: PrintLine, finish: Finish): void {
  withDryRun(withApi(dpus.command('add').description('add a DPU').argument('<id>')))
    .option('--doorway <id>', 'id of the doorway that the DPU is above, or none; default: none', doorwayOrNone)
    .option('--at <instant>', 'since when; default: always')
    .action(async (id: string, options: Trying & { doorway?: DoorwayOrNone; at?: string }) => {
      const body = {
        id,
        ...given({ doorway_id: options.doorway && idOrNull(options.doorway), effective_at: options.at }),
      };
      const client = new ApiClient(await readConfig(), options);
      if (options.dryRun) printDryRun(await client.send('POST', triedAt('/dpus'), body), options.json, printLine);
      else {
        const dpu = await client.send<DpuJson>('POST', '/dpus', body);
        one(dpu, options, where(dpu), printLine);
      }
      finish(0);
    });
}

function moveDpu(dpus: Command, readConfig: ReadConfig, printLine: PrintLine, finish: Finish): void {
  withDryRun(
    withApi(
      dpus
        .command('move')
        .description('move a DPU to another doorway; with --at in the past, its readings since then move too')
        .argument('<id>'),
    ),
  )
    .requiredOption('--doorway <id>', 'id of the new doorway, or none', doorwayOrNone)
    .option('--at <instant>', 'from when on; default: now')
    .action(async (id: string, options: Trying & { doorway: DoorwayOrNone; at?: string }) => {
      const body = { doorway_id: idOrNull(options.doorway), ...given({ effective_at: options.at }) };
      const client = new ApiClient(await readConfig(), options);
      const path = `/dpus/${encodeURIComponent(id)}`;
      if (options.dryRun) printDryRun(await client.send('PATCH', triedAt(path), body), options.json, printLine);
      else {
        const dpu = await client.send<DpuJson>('PATCH', path, body);
        const doorway = options.doorway === 'none' ? 'no doorway' : `doorway ${options.doorway}`;
        const sentence = options.at === undefined ? where(dpu) : `DPU ${id} is above ${doorway} from ${options.at} on`;
        one(dpu, options, sentence, printLine);
      }
      finish(0);
    });
}

function addUnplaced(dpus: Command, readConfig: ReadConfig, printLine: PrintLine, finish: Finish): void {
  withApi(
    dpus
      .command('unplaced')
      .description('print the DPUs whose readings are held, because they were above no doorway at the time'),
  ).action(async (options: Common) => {
    const list = await new ApiClient(await readConfig(), options).list<UnplacedDpuJson>('/unplaced-dpus');
    columns(
      list,
      options,
      ['id', 'adapter', 'registered', 'doorway', 'held', 'first reading', 'newest reading'],
      ({ id, adapter, registered, doorway_id: doorway, held, first_reading_at: first, last_reading_at: last }) => [
        ...[id, adapter, registered ? 'yes' : 'no', doorway],
        ...[held, first, last],
      ],
      printLine,
    );
    finish(0);
  });
}

function addMessages(dpus: Command, readConfig: ReadConfig, printLine: PrintLine, finish: Finish): void {
  withApi(
    dpus
      .command('messages')
      .description("print the newest messages of a DPU's device, as it sent them")
      .argument('<id>')
      .option('--limit <number>', 'how many, at most 50', atLeastOne, 10),
  ).action(async (id: string, options: Common & { limit: number }) => {
    const path = `/dpus/${encodeURIComponent(id)}/messages?limit=${options.limit}`;
    const answer = await new ApiClient(await readConfig(), options).fetch(path);
    columns(
      (await answer.json()) as MessageJson[],
      options,
      ['stored', 'subject', 'bytes', 'beginning'],
      ({ stored_at: stored, subject, bytes, text }) => [stored, subject, bytes, text.replaceAll(/\s+/g, ' ')],
      printLine,
    );
    finish(0);
  });
}

function given(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

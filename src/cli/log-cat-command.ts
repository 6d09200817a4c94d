// `density log cat`: prints the commits in SPACE_EVENTS.
import type { Config } from '../config.ts';
import type { LoggedCommit, LoggedSection } from '../domain/commit.ts';
import { commitOf } from '../domain/commit-codec.ts';
import type { Partition } from '../domain/ids.ts';
import { BEGINNING_MS, formatInstant } from '../domain/instant.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { NatsSpaceEventsLog } from '../nats/space-events-log.ts';
import { connectCommand } from './connect-command.ts';
import type { PrintLine } from './print-line.ts';

export interface LogCatOptions {
  readonly nats?: string;
  readonly from: number;
  readonly limit?: number;
  readonly router?: number;
  readonly json?: boolean;
  readonly events?: boolean;
}

const ENTRIES_PER_READ = 500;
/** Any partition will do: every reader gets every commit. */
const ANY = 0 as Partition;

/** Prints the commits that are in the log now. @returns the exit code */
export async function logCatCommand(
  config: Config,
  { nats, from, limit = Infinity, router, json, events }: LogCatOptions,
  printLine: PrintLine,
): Promise<number> {
  const { nc, js, jsm } = await connectCommand(config, nats, 'density log cat');
  const log = new NatsSpaceEventsLog(js, jsm);
  try {
    const end = await log.end();
    const cursor = await log.open(ANY, Math.max(0, from - 1));
    let printed = 0;
    for (let seq = from - 1; seq < end && printed < limit;) {
      for (const entry of await cursor.next(ENTRIES_PER_READ)) {
        seq = entry.seq;
        const commit = commitOf(entry);
        if (seq > end || printed >= limit || (router !== undefined && commit.header.router !== router)) continue;
        printLine(json || events ? JSON.stringify(describe(entry, commit, events ?? false)) : lineOf(entry, commit));
        printed += 1;
      }
    }
    await cursor.close();
    return 0;
  } finally {
    await nc.close();
  }
}

function describe({ seq, timeMs, data }: StoredEntry, commit: LoggedCommit, withEvents: boolean): object {
  const sections = [...commit.partitions].map((partition) => {
    const section = commit.section(partition);
    if (withEvents) return [partition, section];
    return [
      partition,
      {
        events: section?.events.length,
        heartbeats: section?.heartbeats.length,
        configs: section?.configs.length,
        settings: section?.settings !== undefined,
      },
    ];
  });
  return {
    seq,
    storedAt: formatInstant(timeMs),
    bytes: data.length,
    ...commit.header,
    sections: Object.fromEntries(sections) as object,
  };
}

function lineOf({ seq, timeMs, data }: StoredEntry, commit: LoggedCommit): string {
  const { router, readingsSeq, waiting, isMove, clockMs } = commit.header;
  const sections = [...commit.partitions].flatMap((partition) => commit.section(partition) ?? []);
  const sum = (count: (section: LoggedSection) => number): number =>
    sections.reduce((total, section) => total + count(section), 0);
  const asserted = [
    ['events', sum(({ events }) => events.length)],
    ['heartbeats', sum(({ heartbeats }) => heartbeats.length)],
    ['configurations', sum(({ configs }) => configs.length)],
  ] as const;
  return [
    `${seq}`,
    formatInstant(timeMs),
    `router ${router}${isMove ? ', a move' : ''}`,
    `READINGS ${readingsSeq}${waiting.length > 0 ? ` but ${waiting.length} ranges wait` : ''}`,
    `clock ${clockMs === BEGINNING_MS ? '-' : formatInstant(clockMs)}`,
    asserted.map(([what, count]) => `${count} ${what}`).join(', '),
    `${data.length} bytes`,
  ].join('  ');
}

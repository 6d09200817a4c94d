// The sources of problems. A problem is a condition that a client or an operator would notice and that lasts longer
// than a second.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem } from '../domain/health.ts';
import type { Partition } from '../domain/ids.ts';
import type { Freshness } from '../shards/freshness.ts';
import type { Shard } from '../shards/shard.ts';
import type { ProblemSource } from './health.ts';

/** A shard lags if entries of a log wait for longer than this. */
export const LAG_MAX_MS = 10_000;
/** Entries of the topology log normally arrive within milliseconds. */
export const TOPOLOGY_BEHIND_MAX_MS = 2_000;
const ANSWER_MAX_MS = 2_000;

/** @param nats resolves if NATS answers. @param clickhouse resolves to true if ClickHouse answers */
export function engineProblems(nats: () => Promise<unknown>, clickhouse: () => Promise<boolean>): ProblemSource {
  return async () => {
    const [hasNats, hasClickHouse] = await Promise.all([isWithin(nats().then(() => true)), isWithin(clickhouse())]);
    return [
      ...(hasNats
        ? []
        : [
            {
              code: 'nats_unreachable',
              detail: 'NATS does not answer: live counts are the last known ones, and readings are refused',
            },
          ]),
      ...(hasClickHouse
        ? []
        : [
            {
              code: 'clickhouse_unreachable',
              detail: 'ClickHouse does not answer: blocks queue up, and history is unavailable',
            },
          ]),
    ];
  };
}

/** @param owners by shard; null if nobody holds the lease */
export function ownerProblems(owners: () => readonly (string | null)[]): ProblemSource {
  return () =>
    owners().flatMap((owner, shard): Problem[] =>
      owner === null
        ? [
            {
              code: 'shard_without_owner',
              detail: `shard ${shard} has no owner: its spaces answer 503, and its readings wait`,
              shard: shard as Partition,
            },
          ]
        : [],
    );
}

export type ObservedShard = Pick<Shard, 'partition' | 'state' | 'refusal' | 'isServing' | 'fold' | 'restarts'>;

/**
 * @param awaitedTopology the sequence of the topology that the shard's router waits for; undefined if it waits for
 * none
 */
export function shardProblems(
  shards: readonly ObservedShard[],
  freshness: Pick<Freshness, 'lag'>,
  awaitedTopology: (shard: Partition) => number | undefined,
): ProblemSource {
  return async () =>
    (
      await Promise.all(shards.map(async (shard) => problemsOf(shard, freshness, awaitedTopology(shard.partition))))
    ).flat();
}

async function problemsOf(
  observed: ObservedShard,
  freshness: Pick<Freshness, 'lag'>,
  awaitedSeq: number | undefined,
): Promise<Problem[]> {
  const {
    partition: shard,
    state,
    refusal,
    isServing,
    fold,
    restarts: { loop },
  } = observed;
  const problems: Problem[] = [];
  const add = (code: string, detail: string): void => void problems.push({ code, detail, shard });
  if (refusal) add('shard_refused', refusal.message);
  else if (state === 'restoring')
    add(
      'shard_restoring',
      `shard ${shard} is being restored: its spaces answer 503 until it has caught up with the log`,
    );
  if (loop)
    add(
      'shard_restarting',
      `shard ${shard} was restarted ${loop.count} times within a minute, most recently because of: ${loop.cause}`,
    );
  if (awaitedSeq !== undefined && (isServing || state === 'restoring'))
    add(
      'topology_awaited',
      `the router of shard ${shard} waits for entry ${awaitedSeq} of the topology log, which this process has not received: its readings wait`,
    );
  if (!isServing || !fold) return problems;
  const { eventsMs, readingsMs } = await freshness.lag(fold, [shard]);
  const seconds = (ms: number): number => Math.round(ms / 1_000);
  if (eventsMs > LAG_MAX_MS)
    add(
      'shard_lagging',
      `the live counts of shard ${shard} lack commits that have been in SPACE_EVENTS for ${seconds(eventsMs)} s`,
    );
  else if (readingsMs > LAG_MAX_MS)
    add(
      'shard_lagging',
      `the router of shard ${shard} has not routed readings that have been in READINGS for ${seconds(readingsMs)} s`,
    );
  return problems;
}

/** @param found returns which log went back; undefined if none did */
export function logProblems(found: () => string | undefined): ProblemSource {
  return () => {
    const what = found();
    return what === undefined
      ? []
      : [
          {
            code: 'log_went_back',
            detail: `this process runs no shards until the logs are inspected and repaired: ${what}`,
          },
        ];
  };
}

export function consumerProblems(
  silences: () => readonly { readonly stream: string; readonly silent: number }[],
): ProblemSource {
  return () =>
    silences().flatMap(({ stream, silent }): Problem[] =>
      silent > 0
        ? [
            {
              code: 'consumer_silent',
              detail: `a consumer of ${stream} delivers nothing although the stream has new messages; it will be replaced`,
              stream,
            },
          ]
        : [],
    );
}

/**
 * @param found returns a description of the problem with this machine's clock; undefined if there is none
 */
export function clockProblems(found: () => string | undefined): ProblemSource {
  return () => {
    const what = found();
    return what === undefined ? [] : [{ code: 'clock_skew', detail: `${what}; its answers use the server's clock` }];
  };
}

/** @param takesReadings returns false while READINGS is full */
export function capacityProblems(takesReadings: () => boolean): ProblemSource {
  return () =>
    takesReadings()
      ? []
      : [
          {
            code: 'readings_full',
            detail: 'READINGS is full: publishers are refused until its readings are stored in ClickHouse',
            stream: 'READINGS',
          },
        ];
}

/** @param damage returns why the next entry cannot be read; undefined if it can */
export function topologyProblems(
  topology: { readEnd(): Promise<number>; readonly behindMs: number },
  damage: () => string | undefined,
): ProblemSource {
  return async () => {
    // An unreachable NATS server is reported separately.
    await isWithin(topology.readEnd().then(() => true));
    return topology.behindMs > TOPOLOGY_BEHIND_MAX_MS
      ? [
          {
            code: 'topology_behind',
            detail:
              damage() ??
              `this process has not received entries that have been in the topology log for ${Math.round(topology.behindMs / 1_000)} s`,
            stream: 'TOPOLOGY',
          },
        ]
      : [];
  };
}

async function isWithin(answer: Promise<boolean>): Promise<boolean> {
  return Promise.race([answer.catch(() => false), sleep(ANSWER_MAX_MS, false, { ref: false })]);
}

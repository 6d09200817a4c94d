// Compares every count, the account, the events in time order and the readings with the oracle, after a load was sent to real
// processes. The oracle knows only the content of READINGS, the readings that survived damage elsewhere, and the
// topology.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { formatInstant } from '../../src/domain/instant.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { NatsTopologyLog } from '../../src/nats/topology-log.ts';
import type { Random } from '../simulation/random.ts';
import { sentIn, type Sent } from '../simulation/sent.ts';
import { eventually } from '../support/eventually.ts';
import { Oracle, type OracleReading } from '../support/oracle.ts';
import { readTo } from '../support/read-log.ts';
import type { Load } from './load.ts';
import type { Remains } from './fault-injector.ts';
import { readingsInClickHouse } from './survivors.ts';

const SETTLE_WITHIN_MS = 240_000;
const READ_AGAIN_MS = 10_000;
/** Longer than a process needs to notice a damage once nats-server has started again. */
const STABLE_MS = 15_000;
const POLL_MS = 1_000;
const INSTANTS_PER_SPACE = 8;

export interface ComparisonOptions {
  readonly load: Load;
  readonly random: Random;
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  readonly partitions: number;
  /** GET, repeated until there is an answer. @returns its body */
  readonly ask: (path: string) => Promise<unknown>;
  /** The part of the load that must be in READINGS; all of it by default. */
  readonly acknowledged?: Load['messages'];
  /** The readings left from before nats-server's files were damaged; undefined if they never were. */
  readonly remains?: Pick<Remains, 'certain' | 'possible'> | undefined;
}

export interface Comparison {
  /** The number of distinct readings in the log. */
  readonly sent: number;
  readonly distinct: number;
  /** The number of compared answers and rows. */
  readonly compared: number;
  readonly differences: readonly string[];
}

export async function compareWithOracle(options: ComparisonOptions): Promise<Comparison> {
  const { load, random, clickhouseUrl, ask, acknowledged = load.messages } = options;
  const differences: string[] = [];
  const { sent, oracle, difference } = await settledOracle(options);
  if (difference !== undefined) differences.push(difference);
  for (const question of questionsFor(oracle, load, random)) {
    await eventually(
      async () => assertAnswer(question, ask),
      // The first difference has waited long enough for all others.
      differences.length > 0 ? 1_000 : SETTLE_WITHIN_MS,
    ).catch((error: unknown) => differences.push(String(error)));
  }
  const stored = await comparedWhenStored(clickhouseUrl, oracle);
  const lost = lostReadings(acknowledged, oracle);
  return {
    sent: sent.items,
    distinct: oracle.readings.length,
    compared: oracle.spaces.length * (INSTANTS_PER_SPACE + 1) + 1 + stored.compared,
    differences: [...lost, ...differences, ...stored.differences],
  };
}

interface SettledOracle {
  readonly sent: Sent;
  readonly oracle: Oracle;
  /** Between the oracle's account and the service's, if they never agreed. */
  readonly difference?: string;
}

/**
 * Reads the logs until the account agrees with them and the topology is settled: a repair may still be writing what was
 * lost to them. Running processes answer from memory until they notice a damage, so their account alone does not tell.
 */
async function settledOracle(options: ComparisonOptions): Promise<SettledOracle> {
  const { natsUrl, clickhouseUrl, partitions, ask, remains } = options;
  const deadline = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const nats = await connectNats(natsUrl, 'comparison');
    const sent = await readSent(nats, partitions);
    const facts = await topologyFacts(nats);
    const survivors = remains ? [...remains.certain, ...(await stillThere(remains.possible, clickhouseUrl, ask))] : [];
    const oracle = new Oracle([...sent.readings, ...survivors], facts);
    const account = remains ? accountAfterLoss(oracle) : accountOf(oracle, sent);
    try {
      await eventually(async () => assertAnswer(account, ask), READ_AGAIN_MS);
      if (remains) await assertStable(nats, facts, ask);
      return { sent, oracle };
    } catch (error) {
      if (performance.now() > deadline) return { sent, oracle, difference: String(error) };
    } finally {
      await nats.nc.close();
    }
  }
}

/** @throws Error if the service is not healthy, or the topology changes, within a while */
async function assertStable(
  nats: NatsHandles,
  facts: readonly TopologyFact[],
  ask: ComparisonOptions['ask'],
): Promise<void> {
  for (const endsAt = performance.now() + STABLE_MS; performance.now() < endsAt;) {
    // While anything is wrong, the answer is 503 and is asked for again.
    if ((await Promise.race([ask('/health'), sleep(STABLE_MS)])) === undefined)
      throw new Error('the service is not healthy');
    if (JSON.stringify(await topologyFacts(nats)) !== JSON.stringify(facts))
      throw new Error('the topology is being restored');
    await sleep(POLL_MS);
  }
}

interface Question {
  readonly path: string;
  readonly expected: (answer: unknown) => [is: unknown, shouldBe: unknown];
}

async function assertAnswer({ path, expected }: Question, ask: ComparisonOptions['ask']): Promise<void> {
  const [is, shouldBe] = expected(await ask(path)).map((value) => JSON.stringify(value));
  if (is !== shouldBe) throw new Error(`${path}: is ${is}, should be ${shouldBe}`);
}

function accountOf(oracle: Oracle, sent: Sent): Question {
  const [{ held, excluded, deleted }, accepted, distinct] = [oracle, sent.items, oracle.readings.length];
  const account = {
    accepted,
    applied: distinct - held - excluded - deleted,
    duplicate: sent.readings.length - distinct,
    held,
    excluded,
    deleted,
    dead_lettered: accepted - sent.readings.length,
    dead_letters: {},
    dead_letters_evicted: {},
    remainder: 0,
    losses: [],
  };
  return {
    path: '/account',
    expected: (answer) => {
      const { stored, ...rest } = answer as { stored: { findings: string[] } | null };
      return [
        { ...rest, findings: stored?.findings },
        { ...account, findings: [] },
      ];
    },
  };
}

/** A reading that was lost and sent again is accepted twice, and is a duplicate if it was routed twice. */
function accountAfterLoss(oracle: Oracle): Question {
  const { held, excluded, deleted } = oracle;
  const applied = oracle.readings.length - held - excluded - deleted;
  return {
    path: '/account',
    expected: (answer) => {
      const { stored, ...is } = answer as AccountAnswer;
      return [
        { ...termsOf(is), findings: stored?.findings },
        { ...termsOf({ applied, held, excluded, deleted, remainder: 0 }), findings: [] },
      ];
    },
  };
}

interface Terms {
  readonly applied: number;
  readonly held: number;
  readonly excluded: number;
  readonly deleted: number;
  readonly remainder: number;
}

const termsOf = ({ applied, held, excluded, deleted, remainder }: Terms): Terms => ({
  applied,
  held,
  excluded,
  deleted,
  remainder,
});

interface AccountAnswer extends Terms {
  readonly stored: { readonly findings: readonly string[] } | null;
}

/** The members of `possible` that are in ClickHouse after everything in memory was stored. */
async function stillThere(
  possible: readonly OracleReading[],
  clickhouseUrl: string,
  ask: ComparisonOptions['ask'],
): Promise<OracleReading[]> {
  if (possible.length === 0) return [];
  const there = await eventually(async () => {
    const { applied, held, excluded, deleted, remainder, stored } = (await ask('/account')) as AccountAnswer;
    const readings = await readingsInClickHouse(clickhouseUrl);
    const found = { counted: applied + held + excluded + deleted, remainder, findings: stored?.findings };
    if (JSON.stringify(found) !== JSON.stringify({ counted: readings.length, remainder: 0, findings: [] }))
      throw new Error(`${readings.length} readings are stored, and the account says ${JSON.stringify(found)}`);
    return readings;
  }, SETTLE_WITHIN_MS);
  const ids = new Set(new Oracle(there, []).readings.map(({ readingId }) => readingId));
  return new Oracle(possible, []).readings.filter(({ readingId }) => ids.has(readingId));
}

function questionsFor(oracle: Oracle, load: Load, random: Random): Question[] {
  const questions: Question[] = [];
  for (const { id } of oracle.spaces) {
    const instants = [
      ...Array.from({ length: INSTANTS_PER_SPACE }, () => random.int(load.firstMs, load.lastMs)),
      load.lastMs + 1,
    ];
    for (const atMs of instants) {
      questions.push({
        path: `/counts/${id}/current?at=${formatInstant(atMs)}`,
        expected: (answer) => {
          const { count, net, drift, last_reading_at, final } = answer as Record<string, unknown>;
          const lastReadingMs = oracle.lastReadingAt(id, atMs);
          return [
            { count, net, drift, last_reading_at, final },
            {
              ...oracle.at(id, atMs),
              last_reading_at: lastReadingMs < 0 ? null : formatInstant(lastReadingMs),
              final: true,
            },
          ];
        },
      });
    }
  }
  return questions;
}

/** The acknowledged readings that are missing from the log. */
function lostReadings(messages: Load['messages'], oracle: Oracle): string[] {
  const known = new Set(oracle.readings.map(({ readingId }) => readingId));
  const sent = messages.flatMap(({ dpuId, items }) =>
    items.map((item): OracleReading => ({
      dpuId,
      timestampMs: Date.parse(item.timestamp),
      direction: item.direction,
      name: item.id,
    })),
  );
  return new Oracle(sent, []).readings
    .filter(({ readingId }) => !known.has(readingId))
    .map(({ readingId }) => `${readingId} was acknowledged and is not in READINGS`);
}

/** Answers include unstored events; the tables have them once the last blocks are flushed. */
async function comparedWhenStored(url: string, oracle: Oracle): ReturnType<typeof compareStored> {
  let last = { compared: 0, differences: ['nothing was compared'] };
  await eventually(async () => {
    last = await compareStored(url, oracle);
    if (last.differences.length > 0) throw new Error(last.differences[0]);
  }).catch(() => undefined);
  return last;
}

/** The events in time order and the readings, read directly from the tables. */
async function compareStored(url: string, oracle: Oracle): Promise<{ compared: number; differences: string[] }> {
  const client = await connectClickHouse(url);
  const rows = async (query: string): Promise<[string, ...number[]][]> =>
    (await client.query({ query, format: 'JSONCompactEachRow' })).json<[string, ...number[]]>();
  const events = new Map(
    (
      await rows(
        `SELECT concat(toString(space_id), ' ', reading_id, ' ', toString(toUnixTimestamp64Milli(timestamp))) AS key, toInt32(sum(sign)) AS n FROM events_by_time GROUP BY key HAVING n != 0`,
      )
    ).map(([key, n]) => [key, String(n)]),
  );
  const readings = new Map(
    (
      await rows(
        `SELECT concat(reading_id, ' ', toString(toUnixTimestamp64Milli(timestamp))) AS key, toInt32(sum(sign)) AS n FROM readings GROUP BY key HAVING n != 0`,
      )
    ).map(([key, n]) => [key, String(n)]),
  );
  await client.close();
  const expected = new Map(
    [0, ...oracle.spaces.map(({ id }) => id)].flatMap((spaceId) =>
      oracle.events(spaceId).map(({ readingId, timestampMs }) => [`${spaceId} ${readingId} ${timestampMs}`, '1']),
    ),
  );
  const wanted = new Map(oracle.readings.map(({ readingId, timestampMs }) => [`${readingId} ${timestampMs}`, '1']));
  return {
    compared: expected.size + wanted.size,
    differences: [...differing('event', events, expected, '0'), ...differing('reading', readings, wanted, '0')],
  };
}

function differing(
  what: string,
  is: ReadonlyMap<string, string>,
  shouldBe: ReadonlyMap<string, string>,
  none: string,
): string[] {
  return [...new Set([...is.keys(), ...shouldBe.keys()])]
    .filter((key) => (is.get(key) ?? none) !== (shouldBe.get(key) ?? none))
    .map((key) => `${what} ${key}: is ${is.get(key) ?? none}, should be ${shouldBe.get(key) ?? none}`);
}

async function readSent({ nc, js, jsm }: NatsHandles, partitions: number): Promise<Sent> {
  const log = new NatsReadingsLog(nc, js, jsm);
  const entries: StoredEntry[] = [];
  for (let k = 0; k < partitions; k++) {
    const last = await jsm.streams.getMessage('READINGS', { last_by_subj: `readings.${k}.>` });
    if (last) entries.push(...(await readTo(await log.open(k as Partition, 0), last.seq)));
  }
  return sentIn(entries);
}

async function topologyFacts({ js, jsm }: NatsHandles): Promise<TopologyFact[]> {
  const { state } = await jsm.streams.info('TOPOLOGY');
  const cursor = await new NatsTopologyLog(js).open(0);
  const facts: TopologyFact[] = [];
  for (let seq = 0; seq < state.last_seq;) {
    for (const entry of await cursor.next()) {
      facts.push(entry.fact);
      ({ seq } = entry);
    }
  }
  await cursor.close();
  return facts;
}

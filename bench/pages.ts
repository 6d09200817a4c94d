// The cost of pages at the beginning and deep inside of history, over a million stored readings in the real engine:
// following the cursor compared with the first page. Also for the list over all spaces, with a thousand spaces.
import { createClient } from '@clickhouse/client';
import { startLocalService } from '../test/support/local-service.ts';
import { machine, printLine } from './support/output.ts';

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 600_000);
const [SPACES, EVENTS_OF_EACH, RUNS, LIMIT] = [1_000, 200, 7, 100];
const START_MS = Date.UTC(2018, 0, 1);
const DAYS = 100;

const service = await startLocalService({ PARTITIONS: '16' });
const clickhouse = createClient({ url: service.clickhouseUrl });

/** Rows like those of blocks; number 0 is before all blocks. */
async function store(spaceIds: string, events: number): Promise<void> {
  await clickhouse.command({
    query: `
    INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
    SELECT ${spaceIds} AS space, ${START_MS} + intDiv(number * ${DAYS} * 86400000, ${events}) AS at, '', concat('dpu-', toString(space)), space, if(number % 2 = 0, 1, -1) * if(cityHash64(number) % 10 = 0, -1, 1) AS way, way > 0, way < 0, 0, 1, 1, 0, 0
    FROM numbers(${events})`,
  });
}

const place = (spaceId: number, events: number, n: number): string => {
  const atMs = START_MS + Math.floor((n * DAYS * 86_400_000) / events);
  return Buffer.from(JSON.stringify([atMs, `dpu-${spaceId}~${atMs}`, events])).toString('base64url');
};

/** The median of the milliseconds until the whole answer has arrived. */
async function time(path: string): Promise<number> {
  const taken: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const startedAt = performance.now();
    const { status, body } = await service.get(path);
    taken.push(performance.now() - startedAt);
    if (status !== 200 || (body as unknown[]).length === 0)
      throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  }
  return taken.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? NaN;
}

/** Follows the links of a list for some pages, so that the measured page is one that a client reaches. */
async function follow(path: string, pages: number): Promise<string> {
  let next = path;
  for (let page = 0; page < pages; page++) {
    const { headers } = await service.get(next);
    next = /<\/api\/v1([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? next;
  }
  return next;
}

try {
  for (const reset of [null, '04:00'])
    await service.send('POST', '/spaces', { name: `daily reset ${reset}`, daily_reset: reset });
  for (let n = 0; n < SPACES; n++) await service.send('POST', '/spaces', { name: `space ${n}` });
  await store('1', EVENTS);
  await store('2', EVENTS);
  await store(`3 + number % ${SPACES}`, SPACES * EVENTS_OF_EACH);
  printLine(`${2 * EVENTS + SPACES * EVENTS_OF_EACH} readings are stored`);
  const deep = Math.floor(EVENTS * 0.9);
  const lists: [what: string, first: string, deep: string][] = [];
  for (const [id, reset] of [
    [1, 'no reset'],
    [2, 'a daily reset'],
  ] as const) {
    const path = `/counts/${id}?limit=${LIMIT}`;
    lists.push([
      `/counts/{id}, ${EVENTS} events, ${reset}`,
      path,
      await follow(`${path}&cursor=${place(id, EVENTS, deep)}`, 2),
    ]);
    lists.push([
      `/counts/{id} newest first, ${reset}`,
      `${path}&desc=true`,
      await follow(`${path}&desc=true&cursor=${place(id, EVENTS, EVENTS - deep)}`, 2),
    ]);
  }
  const readings = `/readings?limit=${LIMIT}`;
  lists.push(['/readings', readings, `${readings}&cursor=${place(1, EVENTS, deep)}`]);
  lists.push([
    '/readings newest first',
    `${readings}&desc=true`,
    `${readings}&desc=true&cursor=${place(1, EVENTS, EVENTS - deep)}`,
  ]);
  const counts = `/counts?limit=${LIMIT}`;
  lists.push([`/counts, ${SPACES} spaces`, counts, `${counts}&cursor=${place(1, EVENTS, deep)}`]);
  lists.push([
    `/counts, ${SPACES} spaces, 1,000 a page`,
    '/counts?limit=1000',
    `/counts?limit=1000&cursor=${place(1, EVENTS, deep)}`,
  ]);
  printLine('| list | first page | deep page | ratio |');
  printLine('| --- | --- | --- | --- |');
  for (const [what, first, far] of lists) {
    const [firstMs, deepMs] = [await time(first), await time(far)];
    printLine(`| ${what} | ${firstMs.toFixed(0)} ms | ${deepMs.toFixed(0)} ms | ${(deepMs / firstMs).toFixed(2)} |`);
  }
  printLine(machine());
} finally {
  await clickhouse.close();
  await service.dispose();
}

// The largest accepted batch, 500,000 readings in just under 50 MB, sent in every format to a service in a separate
// process; the memory of that process compared with a hundredth of the batch; and that sending it again changes
// nothing.
import { tmpdir } from 'node:os';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { startDensity } from '../test/support/density-process.ts';
import { machine, printLine } from './support/output.ts';

const [READINGS_COUNT, DPUS, SPACES] = [Number(process.env['BENCH_READINGS'] ?? 500_000), 1_000, 200];
const SMALL_COUNT = READINGS_COUNT / 100;
const EVERY_MS = 50;
const LINES_PER_CHUNK = 500;

type Form = 'application/x-ndjson' | 'application/json' | 'text/csv';
const FORMS: Readonly<
  Record<
    Form,
    {
      readonly begin: string;
      readonly between: string;
      readonly end: string;
      readonly item: (reading: object) => string;
    }
  >
> = {
  'application/x-ndjson': { begin: '', between: '\n', end: '\n', item: JSON.stringify },
  'application/json': { begin: '[', between: ',', end: ']', item: JSON.stringify },
  'text/csv': {
    begin: 'dpu_id,timestamp,direction,id\n',
    between: '\n',
    end: '\n',
    item: (reading) => Object.values(reading).join(),
  },
};

const startMs = Date.now() - READINGS_COUNT * EVERY_MS - 60_000;

/** Round robin over all DPUs, so that each chunk contains readings of every DPU. */
function reading(n: number): object {
  return {
    dpu_id: `dpu-${n % DPUS}`,
    timestamp: new Date(startMs + n * EVERY_MS).toISOString(),
    direction: n % 3 === 0 ? -1 : 1,
    id: `r${String(n).padStart(8, '0')}`,
  };
}

function* body(form: Form, count: number): Generator<string> {
  const { begin, between, end, item } = FORMS[form];
  yield begin;
  for (let at = 0; at < count; at += LINES_PER_CHUNK) {
    yield (
      (at === 0 ? '' : between) +
      Array.from({ length: Math.min(LINES_PER_CHUNK, count - at) }, (_, n) => item(reading(at + n))).join(between)
    );
  }
  yield end;
}

const dataDir = await mkdtemp(join(tmpdir(), 'density-bench-'));
// The default settings.
const density = startDensity(['run'], {
  DENSITY_DATA_DIR: dataDir,
  TICK_INTERVAL_MS: '1000',
  OUT_OF_ORDERNESS_MS: '5000',
  IDLE_TIMEOUT_MS: '60000',
  BLOCK_AGE_MAX_MS: '3000',
});
try {
  const url = (await density.waitForOutput(/ready: (http:\/\/[^/\s]+)/))[1] ?? '';
  const api = `${url}/api/v1`;
  const status = `/proc/${density.child.pid}`;
  const json = { 'content-type': 'application/json' };
  const post = async (path: string, document: object): Promise<{ id: number }> =>
    (
      await fetch(`${api}${path}`, { method: 'POST', headers: json, body: JSON.stringify(document) })
    ).json() as Promise<{ id: number }>;
  const account = async (): Promise<Record<string, number>> =>
    (await fetch(`${api}/account`)).json() as Promise<Record<string, number>>;
  const megabytes = async (key: 'VmHWM' | 'VmRSS'): Promise<number> =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(await readFile(`${status}/status`, 'utf8'))?.[1]) / 1024;
  const settled = async (accepted: number): Promise<Record<string, number>> => {
    for (;;) {
      const now = await account();
      if (now['accepted'] === accepted) return now;
      await sleep(200);
    }
  };

  for (let n = 0; n < SPACES; n++) await post('/spaces', { name: `space ${n}` });
  for (let n = 0; n < DPUS; n++) {
    const { id } = await post('/doorways', {
      name: `doorway ${n}`,
      ingress_space_id: 1 + (n % SPACES),
      egress_space_id: null,
    });
    await post('/dpus', { id: `dpu-${n}`, doorway_id: id });
  }

  let accepted = 0;
  const send = async (form: Form, count: number, isZipped: boolean): Promise<void> => {
    // Resets the peak memory.
    await writeFile(`${status}/clear_refs`, '5');
    const before = await megabytes('VmRSS');
    const plain = Readable.from(body(form, count));
    const startedAt = performance.now();
    const response = await fetch(`${api}/readings/batch`, {
      method: 'POST',
      duplex: 'half',
      headers: { 'content-type': form, ...(isZipped ? { 'content-encoding': 'gzip' } : {}) },
      body: Readable.toWeb(isZipped ? plain.pipe(createGzip({ level: 1 })) : plain) as ReadableStream,
    });
    const answer = (await response.json()) as { accepted?: number; detail?: string };
    const seconds = (performance.now() - startedAt) / 1000;
    if (response.status !== 202 || answer.accepted !== count)
      throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    accepted += count;
    const peakUntilAnswer = await megabytes('VmHWM');
    const { applied, duplicate, remainder } = await settled(accepted);
    const bytes = [...body(form, count)].reduce((sum, chunk) => sum + chunk.length, 0);
    printLine(
      `| ${form}${isZipped ? ', gzip' : ''} | ${count} | ${(bytes / 1e6).toFixed(1)} MB | ${seconds.toFixed(1)} s | ${Math.round(before)} | ${Math.round(peakUntilAnswer)} | ${Math.round(await megabytes('VmHWM'))} | ${applied} | ${duplicate} | ${remainder} |`,
    );
  };

  printLine(
    '| form | readings | body | until answered | RSS before, MB | peak until answered | peak until routed | applied | duplicates | remainder |',
  );
  printLine('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  await send('application/x-ndjson', SMALL_COUNT, false);
  await send('application/x-ndjson', READINGS_COUNT, false);
  await send('application/x-ndjson', READINGS_COUNT, false);
  await send('application/json', READINGS_COUNT, false);
  await send('text/csv', READINGS_COUNT, false);
  await send('application/x-ndjson', READINGS_COUNT, true);
  await send('application/x-ndjson', SMALL_COUNT, false);
  printLine(machine());
} finally {
  await density.end('SIGTERM');
  await rm(dataDir, { recursive: true, force: true });
}

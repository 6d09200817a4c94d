// The last hour of 100 spaces by 5 minutes, asked for in one request, relative to one request for each space. All spaces are reset
// daily, and have events in ClickHouse and in memory.
import { eventually } from '../test/support/eventually.ts';
import { startLocalService } from '../test/support/local-service.ts';
import { machine, numberFrom, printLine } from './support/output.ts';
import { median } from './support/statistics.ts';

const SPACES = 100;
const READINGS = numberFrom('BENCH_READINGS', 20_000);
const RUNS = numberFrom('BENCH_RUNS', 9);
const HOUR_MS = 3_600_000;

const service = await startLocalService({ PARTITIONS: '16' });
const ids = Array.from({ length: SPACES }, (_, n) => n + 1);

async function send(readings: readonly object[]): Promise<void> {
  const { status } = await service.send('POST', '/readings/batch', readings);
  if (status !== 202) throw new Error(`the readings were answered with ${status}`);
}

async function time(paths: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  for (const path of paths) {
    const { status } = await service.get(path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
  }
  return performance.now() - startedAt;
}

try {
  for (const n of ids) {
    const space = await service.create('/spaces', { name: `space ${n}`, daily_reset: '00:00' });
    const doorway = await service.create('/doorways', { name: `door ${n}`, ingress_space_id: space });
    await service.send('POST', '/dpus', { id: `dpu-${n}`, doorway_id: doorway });
  }
  const nowMs = Date.now();
  const dpuOf = (n: number): string => `dpu-${1 + (n % SPACES)}`;
  await send(
    Array.from({ length: READINGS }, (_, n) => ({
      ...{ dpu_id: dpuOf(n), direction: n % 3 === 0 ? -1 : 1 },
      timestamp: new Date(nowMs - HOUR_MS + Math.floor((n * HOUR_MS) / READINGS)).toISOString(),
    })),
  );
  await eventually(async () => {
    const { headers } = await service.get('/readings?limit=1');
    if (Number(headers.get('x-total-count')) < READINGS * 0.9) throw new Error('most readings have yet to be stored');
  });
  await send(ids.map((n) => ({ dpu_id: dpuOf(n), timestamp: new Date().toISOString(), direction: 1 })));
  const span = new URLSearchParams({
    start: new Date(nowMs - HOUR_MS).toISOString(),
    end: new Date(nowMs + 300_000).toISOString(),
    interval: '5m',
  });
  const together = [`/counts/intervals?space_id=${ids.join()}&${span}`];
  const alone = ids.map((id) => `/counts/${id}/intervals?${span}`);
  const [ofTogether, ofAlone]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    ofTogether.push(await time(together));
    ofAlone.push(await time(alone));
  }
  const [one, each] = [median(ofTogether), median(ofAlone)];
  printLine(
    `${SPACES} spaces: ${one.toFixed(0)} ms in one request, ${each.toFixed(0)} ms in a request for each; ratio ${(one / each).toFixed(3)}`,
  );
  printLine(machine());
} finally {
  await service.dispose();
}

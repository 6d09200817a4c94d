// The dashboard's overview in a real browser, with 1,000 spaces: how many frames it draws while it is scrolled, how many it drops, and what
// a frame costs. First without changes, then with 1,000 changes/s that a scripted API sends, so that the page is measured alone; then with
// 1,000 readings/s through the service, whose engines run on the same cores. The browser has no graphics card and draws with them, too.
// Real browsers have a machine of their own, so here the service and its engines yield to it; BENCH_YIELD=0 lets them compete.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { formatInstant } from '../src/domain/instant.ts';
import { readingSubject } from '../src/nats/streams.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { startScriptedApi } from '../test/support/scripted-api.ts';
import { CountedPublisher } from './support/counted-publisher.ts';
import { CpuMeter, inCores } from './support/cpu.ts';
import { grouped, machine, numberFrom, printLine } from './support/output.ts';
import { measureFrames, openOverview } from './support/page-frames.ts';
import { makeNicer } from './support/process-usage.ts';
import { withService } from './support/processes.ts';
import { readingsApplied, untilCount } from './support/stored.ts';

const SPACES = numberFrom('BENCH_SPACES', 1_000);
const RATE = numberFrom('BENCH_RATE', 1_000);
const MEASURED_MS = numberFrom('BENCH_SECONDS', 20) * 1_000;
const STEP_MS = 10;
const WARM_UP_MS = 5_000;
const SETTLED_WITHIN_MS = 60_000;
/** How much nicer the service and its engines are than the browser. */
const YIELD = numberFrom('BENCH_YIELD', 19);
/** Spreads changes that follow each other over the list. It has no factor in common with 1,000. */
const STRIDE = 617;

/**
 * Sends changes at the rate: to each space in turn, one more, one more, one less.
 * @returns a function that ends it, and tells how many were sent and how many people are inside
 */
function sendSteadily(
  send: (index: number, delta: 1 | -1, count: number) => void,
): () => { sent: number; people: number } {
  const counts = Array.from({ length: SPACES }, () => 0);
  const begin = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - begin) / 1_000) * RATE; sent < due; sent++) {
      const index = (sent * STRIDE) % SPACES;
      const delta = Math.floor(sent / SPACES) % 3 === 2 ? -1 : 1;
      counts[index] = (counts[index] ?? 0) + delta;
      send(index, delta, counts[index]);
    }
  }, STEP_MS);
  return () => {
    clearInterval(timer);
    return { sent, people: counts.reduce((sum, each) => sum + each, 0) };
  };
}

async function withScriptedApi(browser: Browser): Promise<void> {
  const api = await startScriptedApi(SPACES);
  const page = await openOverview(browser, api.url);
  await sleep(WARM_UP_MS);
  await measureFrames(browser, page, MEASURED_MS, `${SPACES} spaces, no changes`);
  const stop = sendSteadily((index, _, count) => api.count('change', index + 1, count));
  await sleep(WARM_UP_MS);
  await measureFrames(browser, page, MEASURED_MS, `${SPACES} spaces, ${RATE} changes/s`);
  stop();
  await page.close();
  await api.stop();
}

async function withTheService(browser: Browser): Promise<void> {
  await withService(async ({ api, nats, pids }) => {
    const rows = Array.from(
      { length: SPACES },
      (_, n) => `space,Space ${n},200,,,\ndoorway,Door ${n},,Space ${n},,\ndpu,,,,dpu-${n},Door ${n}`,
    );
    const imported = await fetch(`${api}/topology/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: ['kind,name,capacity,ingress_space,dpu_id,doorway', ...rows].join('\n'),
    });
    if (!imported.ok) throw new Error(`the import was answered with ${imported.status}: ${await imported.text()}`);
    if (YIELD > 0) for (const pid of Object.values(pids)) makeNicer(pid, YIELD);
    const publisher = new CountedPublisher(nats.nc);
    const page = await openOverview(browser, new URL('/', api).href);
    const stop = sendSteadily((index, direction) =>
      publisher.publish(
        readingSubject(`dpu-${index}`),
        JSON.stringify({ timestamp: formatInstant(Date.now()), direction }),
      ),
    );
    await sleep(WARM_UP_MS);
    const [meter, own] = [new CpuMeter(pids), new CpuMeter({ 'this benchmark': process.pid })];
    await measureFrames(
      browser,
      page,
      MEASURED_MS,
      `${SPACES} spaces, ${RATE} readings/s through the service${YIELD > 0 ? ', which yields to the browser' : ''}`,
    );
    printLine(`  besides the browser: ${inCores(meter.read())}; ${inCores(own.read())}`);
    const { sent, people } = stop();
    await publisher.finish();
    await untilCount(async () => readingsApplied(api), sent, 'applied', SETTLED_WITHIN_MS);
    // The page has followed: it shows all of them.
    await page.locator('.total dd').first().getByText(grouped(people), { exact: true }).waitFor();
    printLine(`  ${grouped(sent)} readings, and the page shows the ${grouped(people)} people inside`);
    await page.close();
  });
}

const browser = await launchBrowser();
await withScriptedApi(browser);
await withTheService(browser);
printLine(machine());
await browser.close();

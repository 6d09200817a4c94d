// The dashboard in a real browser, with 1,000 spaces and 1,000 changes/s on the live stream: how many frames it draws, how long a
// frame takes, and how busy its main thread is. A scripted API sends the changes, because the service and its engines would take the
// cores that the browser draws with: it has no graphics card.
import { setTimeout as sleep } from 'node:timers/promises';
import { launchBrowser } from '../test/support/browser.ts';
import { startScriptedApi, type ScriptedApi } from '../test/support/scripted-api.ts';
import { inMs, machine, numberFrom, printLine } from './support/output.ts';
import { quantile } from './support/statistics.ts';

const SPACES = numberFrom('BENCH_SPACES', 1_000);
const RATE = numberFrom('BENCH_RATE', 1_000);
const MEASURED_MS = numberFrom('BENCH_SECONDS', 20) * 1_000;
const STEP_MS = 10;
const WARM_UP_MS = 5_000;

/** Resolves to the times between frames, while the list is scrolled down and up. Runs in the page. */
const FRAMES = (ms: number): string => `new Promise((resolve) => {
  const times = [];
  const begin = performance.now();
  let last = begin;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    scrollTo(0, 4000 * (1 - Math.cos((now - begin) / 2000)));
    if (now - begin < ${ms}) requestAnimationFrame(frame);
    else resolve(times);
  };
  requestAnimationFrame(frame);
})`;

/** @returns a function that stops it */
function change(api: ScriptedApi): () => void {
  const begin = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - begin) / 1_000) * RATE; sent < due; sent++)
      api.count('change', (sent % SPACES) + 1, Math.floor(sent / SPACES) % 250);
  }, STEP_MS);
  return () => clearInterval(timer);
}

const api = await startScriptedApi(SPACES);
const browser = await launchBrowser();
const page = await browser.newPage({ viewport: { width: 1_280, height: 900 }, locale: 'en-GB' });
await page.goto(api.url);
await page.locator('.card').first().waitFor();
const client = await page.context().newCDPSession(page);
await client.send('Performance.enable');
for (const rate of [0, RATE]) {
  const stop = rate === 0 ? () => undefined : change(api);
  await sleep(WARM_UP_MS);
  const before = await busySeconds();
  const times = (await page.evaluate<number[]>(FRAMES(MEASURED_MS))).slice(1).sort((a, b) => a - b);
  const busy = ((await busySeconds()) - before) / (MEASURED_MS / 1_000);
  stop();
  printLine(
    `${rate} changes/s, ${SPACES} spaces, scrolling: ${(times.length / (MEASURED_MS / 1_000)).toFixed(1)} frames/s, ` +
      `p50 ${inMs(quantile(times, 0.5))}, p99 ${inMs(quantile(times, 0.99))}, main thread busy ${(busy * 100).toFixed(0)} %`,
  );
}
printLine(machine());
await browser.close();
await api.stop();

async function busySeconds(): Promise<number> {
  const { metrics } = await client.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
}

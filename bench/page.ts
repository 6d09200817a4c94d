// The dashboard in a real browser, with 1,000 spaces and 1,000 changes/s on the live stream: how many frames it draws, how many it
// drops, what the page costs per frame (scripts, styles, layout), and its long tasks, from a trace of the browser. A scripted API sends
// the changes, because the service and its engines would take the cores that the browser draws with: it has no graphics card.
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CDPSession } from 'playwright-core';
import { launchBrowser } from '../test/support/browser.ts';
import { startScriptedApi, type ScriptedApi } from '../test/support/scripted-api.ts';
import { inMs, machine, numberFrom, printLine } from './support/output.ts';
import { quantile } from './support/statistics.ts';

const SPACES = numberFrom('BENCH_SPACES', 1_000);
const RATE = numberFrom('BENCH_RATE', 1_000);
const MEASURED_MS = numberFrom('BENCH_SECONDS', 20) * 1_000;
const STEP_MS = 10;
const WARM_UP_MS = 5_000;
const FRAME_MS = 1_000 / 60;
/** What browsers call a long task. */
const LONG_TASK_MS = 50;
const TRACED = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'devtools.timeline.frame'];

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

/** Seconds of the main thread since the page was opened. */
interface Spent {
  readonly task: number;
  readonly script: number;
  readonly style: number;
  readonly layout: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** In microseconds; `tdur` is of the processor's time, without waiting for a core. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
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
  await browser.startTracing(page, { categories: TRACED });
  const before = await spent(client);
  const times = (await page.evaluate<number[]>(FRAMES(MEASURED_MS))).slice(1).sort((a, b) => a - b);
  const after = await spent(client);
  const trace = JSON.parse((await browser.stopTracing()).toString('utf8')) as { readonly traceEvents: TraceEvent[] };
  stop();
  const perFrame = (part: keyof Spent): number => ((after[part] - before[part]) * 1_000) / times.length;
  const missed = times.reduce((sum, ms) => sum + Math.max(0, Math.round(ms / FRAME_MS) - 1), 0);
  const tasks = mainThreadTasks(trace.traceEvents);
  const cpuMs = tasks.reduce((sum, { tdur = 0 }) => sum + tdur / 1_000, 0) / times.length;
  const isLong = (microseconds = 0): boolean => microseconds >= LONG_TASK_MS * 1_000;
  const [long, longByCpu] = [tasks.filter(({ dur }) => isLong(dur)), tasks.filter(({ tdur }) => isLong(tdur))];
  printLine(
    `${rate} changes/s, ${SPACES} spaces, scrolling: ${(times.length / (MEASURED_MS / 1_000)).toFixed(1)} frames/s, ` +
      `p50 ${inMs(quantile(times, 0.5))}, p99 ${inMs(quantile(times, 0.99))}, ${missed} of ${times.length + missed} frames dropped`,
  );
  printLine(
    `  main thread per frame: ${cpuMs.toFixed(2)} ms of a core; by the clock ${perFrame('task').toFixed(2)} ms, of which scripts ${perFrame('script').toFixed(2)}, ` +
      `styles ${perFrame('style').toFixed(2)}, layout ${perFrame('layout').toFixed(2)} ms; ${long.length} tasks over ${LONG_TASK_MS} ms, ${longByCpu.length} of them by a core's time; ` +
      `load ${loadavg()[0]?.toFixed(1)}`,
  );
}
printLine(machine());
await browser.close();
await api.stop();

/** The tasks of the thread that runs the page. */
function mainThreadTasks(events: readonly TraceEvent[]): TraceEvent[] {
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const isMain = ({ pid, tid }: TraceEvent): boolean => threads.some((each) => each.pid === pid && each.tid === tid);
  return events.filter((event) => event.name === 'RunTask' && event.ph === 'X' && isMain(event));
}

async function spent(session: CDPSession): Promise<Spent> {
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? NaN;
  return {
    task: of('TaskDuration'),
    script: of('ScriptDuration'),
    style: of('RecalcStyleDuration'),
    layout: of('LayoutDuration'),
  };
}

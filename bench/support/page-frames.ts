// How the dashboard's overview is drawn while it is scrolled: frames, and what they cost the page and the browser.
import { loadavg } from 'node:os';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { inMs, printLine } from './output.ts';
import { quantile } from './statistics.ts';

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

/** Seconds since the page was opened: of the main thread by the clock, and of cores by all processes of the browser. */
interface Spent {
  readonly task: number;
  readonly script: number;
  readonly style: number;
  readonly layout: number;
  readonly cores: number;
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

export async function openOverview(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 900 }, locale: 'en-GB' });
  await page.goto(url);
  await page.locator('.card').first().waitFor();
  return page;
}

/** Prints what was measured. */
export async function measureFrames(browser: Browser, page: Page, measuredMs: number, title: string): Promise<void> {
  const ofPage = await page.context().newCDPSession(page);
  const ofBrowser = await browser.newBrowserCDPSession();
  await ofPage.send('Performance.enable');
  await browser.startTracing(page, { categories: TRACED });
  const before = await spent(ofPage, ofBrowser);
  const times = (await page.evaluate<number[]>(FRAMES(measuredMs))).slice(1).sort((a, b) => a - b);
  const after = await spent(ofPage, ofBrowser);
  const trace = JSON.parse((await browser.stopTracing()).toString('utf8')) as { readonly traceEvents: TraceEvent[] };
  await Promise.all([ofPage.detach(), ofBrowser.detach()]);
  const perFrame = (part: keyof Spent): number => ((after[part] - before[part]) * 1_000) / times.length;
  const missed = times.reduce((sum, ms) => sum + Math.max(0, Math.round(ms / FRAME_MS) - 1), 0);
  const tasks = mainThreadTasks(trace.traceEvents);
  const cpuMs = tasks.reduce((sum, { tdur = 0 }) => sum + tdur / 1_000, 0) / times.length;
  const isLong = (microseconds = 0): boolean => microseconds >= LONG_TASK_MS * 1_000;
  const [long, longByCpu] = [tasks.filter(({ dur }) => isLong(dur)), tasks.filter(({ tdur }) => isLong(tdur))];
  printLine(
    `${title}, scrolling: ${(times.length / (measuredMs / 1_000)).toFixed(1)} frames/s, ` +
      `p50 ${inMs(quantile(times, 0.5))}, p99 ${inMs(quantile(times, 0.99))}, ${missed} of ${times.length + missed} frames dropped`,
  );
  printLine(
    `  per frame, in time of a core: main thread ${cpuMs.toFixed(2)} ms, the whole browser ${perFrame('cores').toFixed(2)} ms; ` +
      `main thread by the clock ${perFrame('task').toFixed(2)} ms, of which scripts ${perFrame('script').toFixed(2)}, ` +
      `styles ${perFrame('style').toFixed(2)}, layout ${perFrame('layout').toFixed(2)} ms; ` +
      `${long.length} tasks over ${LONG_TASK_MS} ms, ${longByCpu.length} of them by a core's time; load ${loadavg()[0]?.toFixed(1)}`,
  );
}

/** The tasks of the thread that runs the page. */
function mainThreadTasks(events: readonly TraceEvent[]): TraceEvent[] {
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const isMain = ({ pid, tid }: TraceEvent): boolean => threads.some((each) => each.pid === pid && each.tid === tid);
  return events.filter((event) => event.name === 'RunTask' && event.ph === 'X' && isMain(event));
}

async function spent(ofPage: CDPSession, ofBrowser: CDPSession): Promise<Spent> {
  const { metrics } = await ofPage.send('Performance.getMetrics');
  const { processInfo } = await ofBrowser.send('SystemInfo.getProcessInfo');
  const of = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? NaN;
  return {
    task: of('TaskDuration'),
    script: of('ScriptDuration'),
    style: of('RecalcStyleDuration'),
    layout: of('LayoutDuration'),
    cores: processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0),
  };
}

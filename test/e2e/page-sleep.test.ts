// The computer sleeps while the dashboard is open: nothing runs, its connections die without a word, and the clock jumps.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { startCuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { visit } from '../support/page-visit.ts';

const MINUTE_MS = 60_000;
const startedMs = Date.now();

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  await service.create('/spaces', { name: 'Hall', time_zone: 'UTC', capacity: 10 });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
  await service.create('/dpus', { id: 'front', doorway_id: 1 });
});
afterAll(async () => {
  await Promise.all([browser?.close(), service?.dispose()]);
});

async function pass(atMs: number): Promise<void> {
  const sent = { dpu_id: 'front', timestamp: new Date(atMs).toISOString(), direction: 1 };
  expect((await service.send('POST', '/readings', sent)).status).toBe(202);
}

it('resumes after the last event that it received, so that it misses neither a change nor a correction', async () => {
  const proxy = await startCuttableProxy(service.url);
  const opened = await visit(browser, proxy.url);
  const { page } = opened;
  await page.clock.install();
  const asked: (string | undefined)[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/counts/stream')) asked.push(request.headers()['last-event-id']);
  });
  await page.goto(`${proxy.url}/#/spaces/1`);
  await page.reload();
  await pass(Date.now());
  await page.locator('.card-count').getByText('1', { exact: true }).waitFor();
  // What follows is late, and corrects a final count.
  await eventually(async () => {
    const { watermark } = (await service.get('/counts/1/current')).body as { watermark: string | null };
    expect(Date.parse(watermark ?? '')).toBeGreaterThan(startedMs);
  });
  asked.length = 0;

  proxy.freeze();
  await pass(Date.now());
  await pass(startedMs - 30 * MINUTE_MS);
  await eventually(async () => expect((await service.get('/counts/1/current')).body).toMatchObject({ count: 3 }));
  expect(await page.locator('.card-count').getByText('1', { exact: true }).count()).toBe(1);
  await page.getByText('None since you opened this page.').waitFor();

  // The browser may first try a connection that died, and give up on it after some time.
  await eventually(async () => {
    await page.clock.fastForward(MINUTE_MS);
    await page.locator('.card-count').getByText('3', { exact: true }).waitFor({ timeout: 3_000 });
  });
  await page.getByText(/: a late reading$/).waitFor();
  expect(asked.length).toBeGreaterThan(0);
  for (const id of asked) expect(id).toMatch(/^\d+\.\w+\.\d+/);
  // The clock of the page is ahead of the service's now, which refuses to count the future.
  expect(opened.complaints.filter((each) => !/status of 422/.test(each))).toEqual([]);
  await opened.context.close();
  await proxy.stop();
});

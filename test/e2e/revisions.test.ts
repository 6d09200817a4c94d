// What has changed in a span since an earlier moment, asked in the dashboard.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { visit } from '../support/page-visit.ts';

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  await service.create('/spaces', { name: 'Hall', time_zone: 'UTC' });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
  await service.create('/dpus', { id: 'front', doorway_id: 1 });
});
afterAll(async () => {
  await Promise.all([browser?.close(), service?.dispose()]);
});

const send = async (minutes: number): Promise<void> => {
  const reading = { dpu_id: 'front', timestamp: minutesAgo(minutes), direction: 1 };
  expect((await service.send('POST', '/readings', reading)).status).toBe(202);
};

it('says what came between, and adds up', async () => {
  for (const minutes of [50, 40, 30]) await send(minutes);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(3));
  // Whole seconds, as they are entered.
  const since = await eventually(async () => {
    const second = `${new Date().toISOString().slice(0, 19)}Z`;
    expect((await service.get(`/counts/1/current?known_at=${second}`)).body).toMatchObject({ count: 3 });
    return second;
  });
  await send(45);
  const [reading] = (await service.get('/readings')).body as readonly { readonly id: string }[];
  const deleted = await service.send('DELETE', `/readings/${encodeURIComponent(reading?.id ?? '')}?reason=nobody`);
  expect(deleted.status).toBe(200);
  const wanted = `from=${minutesAgo(60)}&to=${minutesAgo(10)}`;
  await eventually(async () =>
    expect((await service.get(`/counts/1/revisions?${wanted}&since=${since}`)).body).toMatchObject({
      revisions: [{ kind: 'deletion' }, { kind: 'late_readings' }],
    }),
  );

  const opened = await visit(browser, `${service.url}/#/spaces/1?${wanted}`);
  const { page } = opened;
  const panel = page.getByRole('region', { name: 'What has changed since?' });
  await panel.getByLabel('As known at').fill('2001-01-01T00:00:00');
  await panel.getByRole('button', { name: 'Compare' }).click();
  await panel.getByText(/is too early/).waitFor();
  await panel.getByLabel('As known at').fill(since.slice(0, 19));
  await panel.getByRole('button', { name: 'Compare' }).click();
  await panel.getByRole('row', { name: 'As known then 3 0 3' }).waitFor();
  await panel.getByRole('row', { name: /^A reading was deleted · .*loopback -1 0 -1$/ }).waitFor();
  await panel.getByRole('row', { name: 'Late readings · Front door · front +1 0 +1' }).waitFor();
  await panel.getByRole('row', { name: 'Now 3 0 3' }).waitFor();
  expect(await opened.accessibilityProblems()).toEqual([]);
  // The browser logs the refused question.
  expect(opened.complaints.filter((text) => !text.includes('422'))).toEqual([]);
  await opened.context.close();
});

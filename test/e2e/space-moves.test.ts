// The moves of sensors on the curve of a space: what the dashboard asks for, and what it does without an answer.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { visit } from '../support/page-visit.ts';

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
const spanOf = (space: number): string => `/#/spaces/${space}?from=${minutesAgo(180)}&to=${minutesAgo(30)}`;

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  for (const name of ['Hall', 'Attic']) await service.create('/spaces', { name, time_zone: 'UTC' });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
  await service.create('/doorways', { name: 'Stairs', ingress_space_id: 2, egress_space_id: 1 });
  await service.create('/doorways', { name: 'Hatch', ingress_space_id: 2 });
  await service.create('/dpus', { id: 'up', doorway_id: 2, effective_at: minutesAgo(100) });
});
afterAll(async () => {
  await Promise.all([browser?.close(), service?.dispose()]);
});

it('asks for the doorways of the space only, on either side of them', async () => {
  for (const [space, names] of [
    [1, ['Front door', 'Stairs']],
    [2, ['Stairs', 'Hatch']],
  ] as const) {
    const opened = await visit(browser, `${service.url}/`);
    const { page } = opened;
    const answered = page.waitForResponse(/\/doorways\?.*filter=/);
    await page.goto(`${service.url}${spanOf(space)}`);
    const found = (await (await answered).json()) as readonly { readonly name: string }[];
    expect(found.map(({ name }) => name)).toEqual(names);
    await page.getByText('Show as a table').click();
    await page.getByText(/^Sensor up was placed at Stairs at /).waitFor();
    expect(opened.complaints).toEqual([]);
    await opened.context.close();
  }
});

it('shows history without moves while a process of an earlier version answers, which does not know them', async () => {
  const opened = await visit(browser, `${service.url}/`);
  const { page } = opened;
  const unknown = { type: 'about:blank', title: 'Not Found', status: 404, detail: 'there is nothing here' };
  await page.route('**/spaces/1/placements?*', (route) =>
    route.fulfill({ status: 404, contentType: 'application/problem+json', json: unknown }),
  );
  await page.goto(`${service.url}${spanOf(1)}`);
  await page.locator('.legend').first().waitFor();
  expect(await page.getByText('Sensor moved').count()).toBe(0);
  expect(await page.getByText(unknown.detail).count()).toBe(0);
  await opened.context.close();
});

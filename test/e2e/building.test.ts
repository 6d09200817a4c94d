// A building is set up by hand in the dashboard, from nothing to a count, and its sensors are looked at.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { visit, type Visit } from '../support/page-visit.ts';

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await service?.dispose();
});

async function signedIn(token: string): Promise<Visit> {
  const opened = await visit(browser, service.protectedUrl);
  await opened.page.getByLabel('Access token').fill(token);
  await opened.page.getByRole('button', { name: 'Sign in' }).click();
  await opened.page
    .getByRole('heading', { name: 'There are no spaces yet.' })
    .or(opened.page.locator('.grid'))
    .waitFor();
  await opened.page.getByRole('link', { name: 'Building' }).first().click();
  return opened;
}

async function addSpace(page: Page, name: string, capacity: string): Promise<void> {
  await page.getByRole('button', { name: 'Add a space…' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  await page.getByLabel('Capacity (empty: none)').fill(capacity);
  await page.getByLabel('Time zone').fill('Europe/Vienna');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(`The space ${name} is added.`).waitFor();
}

it('from nothing to a count', async () => {
  const opened = await signedIn(service.tokens.editor);
  const { page } = opened;
  await addSpace(page, 'Library', '40');
  await addSpace(page, 'Stacks', '');
  await page.getByRole('row', { name: /^Library 40 Europe\/Vienna – / }).waitFor();

  await page.getByRole('button', { name: 'Edit… Library' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Reading Room');
  await page.getByLabel('Daily reset at (empty: none)').fill('04:30');
  await page.getByLabel('People inside at the daily reset').fill('2');
  expect(await opened.accessibilityProblems()).toEqual([]);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The space Reading Room is changed.').waitFor();
  await page.getByRole('row', { name: /^Reading Room 40 Europe\/Vienna 04:30, to 2 / }).waitFor();
  expect((await service.get('/spaces/1')).body).toMatchObject({
    ...{ name: 'Reading Room', capacity: 40, time_zone: 'Europe/Vienna', daily_reset: '04:30', daily_reset_count: 2 },
  });

  // A name that is taken is refused with the reason, and nothing is lost.
  await page.getByRole('button', { name: 'Edit… Stacks' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Reading Room');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'name' }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('button', { name: 'Add a doorway…' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Stair');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('A doorway leads from one space to another, or to the outside.').waitFor();
  await page.getByLabel('Leads from').selectOption({ label: 'Reading Room' });
  await page.getByLabel('Leads to').selectOption({ label: 'Stacks' });
  expect(await opened.accessibilityProblems()).toEqual([]);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The doorway Stair is added.').waitFor();
  await page.getByRole('row', { name: /^Stair Reading Room → Stacks – / }).waitFor();
  await page.getByRole('button', { name: 'Edit… Stair' }).click();
  expect(await page.getByLabel('Leads from').count()).toBe(0);
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Spiral stair');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The doorway Spiral stair is renamed.').waitFor();

  for (const minutes of [3, 2, 1]) {
    const timestamp = new Date(Date.now() - minutes * 60_000).toISOString();
    expect((await service.send('POST', '/readings', { dpu_id: 'eye', timestamp, direction: 1 })).status).toBe(202);
  }
  await eventually(async () => expect((await service.get('/unplaced-dpus')).body).toMatchObject([{ held: 3 }]));
  await page.reload();
  await page.getByRole('button', { name: 'Place… eye' }).click();
  await page.getByLabel('At the doorway').selectOption({ label: 'Spiral stair (Reading Room → Stacks)' });
  await page.getByRole('button', { name: 'Check what would happen' }).click();
  const dialog = page.getByRole('dialog', { name: 'Place sensor eye' });
  await dialog.getByText('3 readings would be corrected.').waitFor();
  await dialog.getByRole('region', { name: 'Stacks' }).getByText('People inside now: 0 → would become 3').waitFor();
  await page.getByRole('button', { name: 'Place sensor', exact: true }).click();
  await page.getByText('Sensor eye is placed at Spiral stair.').waitFor();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('listitem').filter({ hasText: 'Stacks' }).getByText('3', { exact: true }).waitFor();
  // Browsers log the first request, which has no token, and the refused one.
  expect(opened.complaints.filter((each) => !/status of (401|409)/.test(each))).toEqual([]);
  await opened.context.close();
});

it('shows how often a sensor reports, and what its device sends', async () => {
  const opened = await visit(browser, `${service.url}/#/doors`, { scheme: 'dark' });
  const { page } = opened;
  const row = page.getByRole('row', { name: /^eye Spiral stair / });
  await eventually(async () => {
    await page.reload();
    await row.getByText('0.13', { exact: true }).waitFor({ timeout: 2_000 });
  });
  expect(await row.getByRole('cell').allTextContents()).toContain('3');
  await row.getByRole('button', { name: 'Messages… eye' }).click();
  const dialog = page.getByRole('dialog', { name: 'What the device of eye sent' });
  await dialog.getByText('dpu.eye.readings').first().waitFor();
  const texts = await dialog.locator('pre').allTextContents();
  expect(texts.map((each) => (JSON.parse(each) as { direction: number }).direction)).toEqual([1, 1, 1]);
  expect(await opened.accessibilityProblems()).toEqual([]);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(await opened.accessibilityProblems()).toEqual([]);
  expect(opened.complaints).toEqual([]);
  await opened.context.close();
});

it('is only read by people whose token may not change it', async () => {
  const { page, context } = await signedIn(service.tokens.reader);
  await page.getByRole('row', { name: /^Reading Room 40 / }).waitFor();
  await page.getByRole('row', { name: /^Spiral stair / }).waitFor();
  expect(await page.getByRole('button', { name: /^(Edit|Add|Place|Move|Swap)/ }).count()).toBe(0);
  await context.close();
});

it('speaks German', async () => {
  const opened = await visit(browser, `${service.url}/#/doors`, {
    locale: 'de-AT',
    viewport: { width: 390, height: 844 },
  });
  const { page } = opened;
  await page.getByRole('button', { name: 'Bereich anlegen…' }).click();
  await page.getByRole('heading', { name: 'Neuer Bereich' }).waitFor();
  await page.keyboard.press('Escape');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  expect(opened.complaints).toEqual([]);
  await opened.context.close();
});

// Changes that correct counts, made in the dashboard: each shows what it would do before it is made.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { visit, type Visit } from '../support/page-visit.ts';

const MINUTE_MS = 60_000;
const startedMs = Date.now();
const minutesAgo = (minutes: number): string => new Date(startedMs - minutes * MINUTE_MS).toISOString();
const CHECK = { name: 'Check what would happen' };

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  // The browser's zone is UTC, and so are the times that are entered.
  await service.create('/spaces', { name: 'Hall', time_zone: 'UTC', capacity: 10 });
  await service.create('/spaces', { name: 'Café', time_zone: 'UTC', capacity: 4 });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
  await service.create('/doorways', { name: 'Café door', ingress_space_id: 2 });
  await service.create('/dpus', { id: 'front', doorway_id: 1 });
  for (const minutes of [90, 80, 70, 60, 50])
    expect(
      (await service.send('POST', '/readings', { dpu_id: 'front', timestamp: minutesAgo(minutes), direction: 1 }))
        .status,
    ).toBe(202);
  await counts(5, 0);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(5));
});
afterAll(async () => {
  await Promise.all([browser?.close(), service?.dispose()]);
});

async function counts(hall: number, café: number): Promise<void> {
  await eventually(async () => {
    const found = await Promise.all([service.get('/counts/1/current'), service.get('/counts/2/current')]);
    expect(found.map(({ body }) => (body as { count: number }).count)).toEqual([hall, café]);
  });
}

const local = (minutes: number): string => minutesAgo(minutes).slice(0, 16);
const dialogOf = (page: Page, name: string): Locator => page.getByRole('dialog', { name });

async function shows(dialog: Locator, space: string, before: number, after: number): Promise<void> {
  await dialog
    .getByRole('region', { name: space })
    .getByText(`People inside now: ${before} → would become ${after}`)
    .waitFor();
}

/** Does what the preview shows. */
async function confirm(opened: Visit, dialog: Locator, button: string, done: string | RegExp): Promise<void> {
  expect(await opened.accessibilityProblems()).toEqual([]);
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await opened.page.getByText(done).waitFor();
}

async function closeWithoutComplaints({ context, complaints }: Visit): Promise<void> {
  expect(complaints).toEqual([]);
  await context.close();
}

it('moves a sensor since a time in the past', async () => {
  const opened = await visit(browser, `${service.url}/#/doors`);
  const { page } = opened;
  await page.getByRole('button', { name: 'Move… front' }).click();
  const dialog = dialogOf(page, 'Move sensor front');
  await dialog.getByLabel('At the doorway').selectOption({ label: 'Café door (Outside → Café)' });
  await dialog.getByLabel('Since').fill(local(65));
  await dialog.getByRole('button', CHECK).click();
  await dialog.getByText('2 readings would be corrected.').waitFor();
  await dialog
    .getByRole('row', { name: /^front 2 .* Front door \(Outside → Hall\) Café door \(Outside → Café\)$/ })
    .waitFor();
  await shows(dialog, 'Hall', 5, 3);
  await shows(dialog, 'Café', 0, 2);
  // The preview is of what was entered, and goes when something else is.
  await dialog.getByLabel('Since').fill(local(55));
  await dialog.getByText('2 readings would be corrected.').waitFor({ state: 'detached' });
  await dialog.getByRole('button', CHECK).click();
  await dialog.getByText('1 reading would be corrected.').waitFor();
  await shows(dialog, 'Café', 0, 1);
  await counts(5, 0);
  await confirm(opened, dialog, 'Move sensor', 'Sensor front is placed at Café door.');
  await counts(4, 1);

  // Back again, from the page of the sensor.
  await page.getByRole('link', { name: 'front', exact: true }).click();
  await page.getByRole('button', { name: 'Move…' }).click();
  await dialog.getByLabel('At the doorway').selectOption({ label: 'Front door (Outside → Hall)' });
  await dialog.getByLabel('Since').fill(local(55));
  await dialog.getByRole('button', CHECK).click();
  await shows(dialog, 'Hall', 4, 5);
  await confirm(opened, dialog, 'Move sensor', 'Sensor front is placed at Front door.');
  await counts(5, 0);
  await closeWithoutComplaints(opened);
});

it('swaps the sides of a doorway', async () => {
  const opened = await visit(browser, `${service.url}/#/doors`, { scheme: 'dark' });
  const { page } = opened;
  for (const [before, after] of [
    [5, 0],
    [0, 5],
  ] as const) {
    await page.getByRole('button', { name: 'Swap sides… Front door' }).click();
    const dialog = dialogOf(page, 'Swap the sides of Front door');
    await dialog.getByText('5 readings would be corrected.').waitFor();
    await shows(dialog, 'Hall', before, after);
    await confirm(opened, dialog, 'Swap sides', 'The sides of Front door are swapped.');
    await counts(after, 0);
    await page.reload();
  }
  await closeWithoutComplaints(opened);
});

it('excludes readings, shows the preview again if something else has changed, and deletes the exclusion', async () => {
  const opened = await visit(browser, `${service.url}/#/sensors/front`);
  const { page } = opened;
  await page.getByRole('button', { name: 'Exclude…' }).click();
  const dialog = dialogOf(page, 'Exclude readings of front');
  await dialog.getByLabel('From').fill(local(85));
  await dialog.getByLabel('To').fill(local(65));
  await dialog.getByLabel('Reason').fill('the cleaning crew');
  await dialog.getByRole('button', CHECK).click();
  await dialog.getByText('2 readings would be corrected.').waitFor();
  await shows(dialog, 'Hall', 5, 3);

  const other = { from: minutesAgo(75), to: minutesAgo(65), reason: 'somebody else' };
  expect((await service.send('POST', '/dpus/front/exclusions', other)).status).toBe(201);
  await counts(4, 0);
  await dialog.getByRole('button', { name: 'Exclude readings' }).click();
  await dialog.getByText('Something else has changed in the meantime.').waitFor();
  await dialog.getByText('1 reading would be corrected.').waitFor();
  await shows(dialog, 'Hall', 4, 3);
  await counts(4, 0);
  await confirm(opened, dialog, 'Exclude readings', 'Readings of front are excluded.');
  await counts(3, 0);

  for (const [reason, before, after] of [
    ['somebody else', 3, 3],
    ['the cleaning crew', 3, 5],
  ] as const) {
    await page.getByRole('button', { name: `Delete… ${reason}` }).click();
    const deletion = dialogOf(page, 'Delete the exclusion');
    if (before === after) await deletion.getByText('No stored reading would be corrected.').waitFor();
    else await shows(deletion, 'Hall', before, after);
    await confirm(opened, deletion, 'Delete', 'Readings of front count again.');
    await counts(after, 0);
  }
  await page.getByText('All of its readings count.').waitFor();
  // Browsers log the answer that says so.
  expect(opened.complaints.filter((each) => !/status of 412/.test(each))).toEqual([]);
  await opened.context.close();
});

it('records, changes and deletes a reset', async () => {
  const opened = await visit(browser, `${service.url}/#/spaces/1`);
  const { page } = opened;
  await page.getByRole('button', { name: 'Reset…' }).click();
  const dialog = dialogOf(page, 'Reset Hall');
  await dialog.getByLabel('Time').fill(local(65));
  await dialog.getByLabel('People inside').fill('7');
  await dialog.getByRole('button', CHECK).click();
  await shows(dialog, 'Hall', 5, 9);
  await dialog
    .getByRole('row', { name: /Provisional$|Final$/ })
    .first()
    .waitFor();
  await confirm(opened, dialog, 'Reset', 'The count is reset to 7');
  await counts(9, 0);

  await page.getByRole('button', { name: /^Edit… / }).click();
  const editing = dialogOf(page, 'Change the reset');
  await editing.getByLabel('People inside').fill('1');
  await editing.getByRole('button', CHECK).click();
  await shows(editing, 'Hall', 9, 3);
  await confirm(opened, editing, 'Save', 'The count is reset to 1');
  await counts(3, 0);

  await page.getByRole('button', { name: /^Delete… / }).click();
  const deletion = dialogOf(page, 'Delete the reset');
  await shows(deletion, 'Hall', 3, 5);
  await confirm(opened, deletion, 'Delete', 'The reset is deleted.');
  await page.getByText('Nobody has recorded a reset.').waitFor();
  await counts(5, 0);
  await closeWithoutComplaints(opened);
});

it('deletes a reading, and restores it', async () => {
  const opened = await visit(browser, `${service.url}/#/sensors/front`, { viewport: { width: 390, height: 844 } });
  const { page } = opened;
  await page
    .getByRole('button', { name: /^Delete… front~/ })
    .first()
    .click();
  const dialog = dialogOf(page, 'Delete a reading');
  await dialog.getByLabel('Reason').fill('a test of the sensor');
  await dialog.getByRole('button', CHECK).click();
  await shows(dialog, 'Hall', 5, 4);
  await confirm(opened, dialog, 'Delete', /The reading of front at .* is deleted/);
  await counts(4, 0);
  await page.goto(`${service.url}/#/doors`);
  await page
    .getByRole('row', { name: /a test of the sensor/ })
    .getByRole('button', { name: /^Restore… / })
    .click();
  const restoring = dialogOf(page, 'Restore a reading');
  await shows(restoring, 'Hall', 4, 5);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await confirm(opened, restoring, 'Restore', 'counts again.');
  await counts(5, 0);
  await page.getByText('No reading is deleted.').waitFor();
  await closeWithoutComplaints(opened);
});

it('says why the service refuses a change', async () => {
  const opened = await visit(browser, `${service.url}/#/sensors/front`);
  const { page } = opened;
  await page.getByRole('button', { name: 'Exclude…' }).click();
  const dialog = dialogOf(page, 'Exclude readings of front');
  await dialog.getByLabel('From').fill(local(10));
  await dialog.getByLabel('To').fill(local(20));
  await dialog.getByLabel('Reason').fill('the wrong way round');
  await dialog.getByRole('button', CHECK).click();
  await dialog.getByRole('alert').filter({ hasText: 'to' }).waitFor();
  expect(await dialog.getByRole('button', { name: 'Exclude readings' }).count()).toBe(0);
  await opened.context.close();
});

it('offers no change to people whose token may not make it', async () => {
  const { page, context } = await visit(browser, `${service.protectedUrl}/#/sensors/front`);
  await page.getByLabel('Access token').fill(service.tokens.reader);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page
    .getByRole('row', { name: /^Front door/ })
    .first()
    .waitFor();
  await page.locator('table').nth(1).getByRole('row').nth(1).waitFor();
  expect(await page.getByRole('button', { name: /^(Move|Exclude|Delete|Restore)/ }).count()).toBe(0);
  await page.goto(`${service.protectedUrl}/#/spaces/1`);
  await page.getByText('Nobody has recorded a reset.').waitFor();
  expect(await page.getByRole('button', { name: /^(Reset|Edit|Delete)/ }).count()).toBe(0);
  await context.close();
});

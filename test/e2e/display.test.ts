// Public displays: each is paired once by a code, in its own browser, and needs nobody from then on.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { startCuttableProxy, type CuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { startScriptedApi } from '../support/scripted-api.ts';
import { visit, type Visit } from '../support/page-visit.ts';

let service: PageService;
let browser: Browser;
let proxy: CuttableProxy;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  proxy = await startCuttableProxy(service.protectedUrl);
  await service.create('/spaces', { name: 'Reading Room', capacity: 3 });
  await service.create('/spaces', { name: 'Cellar' });
  await service.create('/doorways', { name: 'Door', ingress_space_id: 1 });
  expect((await service.send('POST', '/dpus', { id: 'door', doorway_id: 1 })).status).toBe(201);
  await pass(1, 2);
});
afterAll(async () => {
  await browser?.close();
  await proxy?.stop();
  await service?.dispose();
});

async function pass(direction: 1 | -1, times = 1): Promise<void> {
  for (let each = 0; each < times; each++) {
    const timestamp = new Date().toISOString();
    expect((await service.send('POST', '/readings', { dpu_id: 'door', timestamp, direction })).status).toBe(202);
  }
}

async function signedIn(token: string): Promise<Visit> {
  const opened = await visit(browser, service.protectedUrl);
  await opened.page.getByLabel('Access token').fill(token);
  await opened.page.getByRole('button', { name: 'Sign in' }).click();
  await opened.page.getByRole('link', { name: 'Displays', exact: true }).click();
  return opened;
}

/** Confirms a code as a person does. */
async function confirm(page: Page, code: string, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Pair a display…' }).click();
  await page.getByLabel('Code on the display').fill(code);
  await page.getByRole('button', { name: 'Find the display' }).click();
  await page.getByText('This display will show the count of Reading Room.').waitFor();
  await page.getByLabel('Name, to recognise it later').fill(name);
  await page.getByRole('button', { name: 'Let it show the count' }).click();
  await page.getByText('The display shows the count of Reading Room now.').waitFor();
}

const codeOn = async (page: Page): Promise<string> => page.locator('.display-code').innerText();
const countOn = (page: Page, text: string | RegExp): Promise<void> =>
  page.locator('.display-count').filter({ hasText: text }).waitFor();

async function cookiesOf(context: BrowserContext): Promise<Awaited<ReturnType<BrowserContext['cookies']>>> {
  return (await context.cookies()).filter(({ name }) => name.startsWith('density_display_'));
}

it('shows a code until a person confirms it, and then the count of this space alone', async () => {
  const display = await visit(browser, `${proxy.url}/display/1`);
  const { page, context } = display;
  await page.getByRole('heading', { name: 'Confirm this code to show the count' }).waitFor();
  const code = await codeOn(page);
  expect(code).toMatch(/^[B-DF-HJ-NP-TV-XZ]{3}-[B-DF-HJ-NP-TV-XZ]{3}$/);
  expect(await display.accessibilityProblems()).toEqual([]);
  // The code survives a reload.
  await page.reload();
  await page.locator('.display-code').waitFor();
  expect(await codeOn(page)).toBe(code);

  const person = await signedIn(service.tokens.editor);
  await person.page.getByText('No display is paired.').waitFor();
  await person.page.getByRole('button', { name: 'Pair a display…' }).click();
  await person.page.getByLabel('Code on the display').fill('bcd');
  await person.page.getByRole('button', { name: 'Find the display' }).click();
  await person.page.getByText(/must be the six letters on the display/).waitFor();
  expect(await person.accessibilityProblems()).toEqual([]);
  await person.page.getByRole('button', { name: 'Cancel' }).click();
  await confirm(person.page, code.toLowerCase(), 'Entrance');
  await person.page.getByRole('row', { name: /^Entrance Reading Room .* token:editor/ }).waitFor();
  expect(await person.accessibilityProblems()).toEqual([]);

  await countOn(page, '2 of 3');
  await eventually(async () => expect(await page.title()).toBe('Reading Room'));
  expect(await page.getByRole('link').count()).toBe(0);
  expect(await page.getByRole('button').count()).toBe(0);
  await pass(1);
  await countOn(page, '3 of 3');
  await page.getByText('Please wait').waitFor();
  expect(await display.accessibilityProblems()).toEqual([]);
  await pass(-1);
  await countOn(page, '2 of 3');
  await page.getByText('Please wait').waitFor({ state: 'detached' });

  const [cookie] = await cookiesOf(context);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/api/v1/display' });
  expect(page.url()).toBe(`${proxy.url}/display/1`);
  expect(await page.evaluate('JSON.stringify({ ...sessionStorage, ...localStorage }) + document.cookie')).toBe('{}');
  const ask = async (path: string): Promise<number> =>
    (
      await fetch(`${service.protectedUrl}/api/v1${path}`, {
        headers: { cookie: `density_display_1=${cookie?.value}; density_display_2=${cookie?.value}` },
      })
    ).status;
  expect(await Promise.all(['/display/1', '/display/2', '/display/2/stream'].map(ask))).toEqual([200, 401, 401]);
  for (const path of ['/counts/1/current', '/counts/stream', '/spaces', '/displays', '/principal', '/readings'])
    expect([path, await ask(path)]).toEqual([path, 401]);
  expect(display.complaints).toEqual([]);

  // It resumes by itself after the service was unavailable, and after a reload.
  proxy.cut();
  await page.getByText(/^Not connected\. This is the number of \d\d:\d\d\.$/).waitFor();
  expect(await display.accessibilityProblems()).toEqual([]);
  await pass(1);
  proxy.restore();
  await countOn(page, '3 of 3');
  await page.getByText(/^Not connected/).waitFor({ state: 'detached' });
  await page.reload();
  await countOn(page, '3 of 3');
  await pass(-1);
  await countOn(page, '2 of 3');

  // Removed, it shows another code.
  await person.page.getByRole('button', { name: 'Remove… Entrance' }).click();
  await person.page.getByRole('button', { name: 'Remove', exact: true }).click();
  await person.page.getByText('“Entrance” is removed.').waitFor();
  await page.getByRole('heading', { name: 'Confirm this code to show the count' }).waitFor();
  expect(await codeOn(page)).not.toBe(code);
  expect(await ask('/display/1')).toBe(401);
  // The browser logs the request that the dialog gets refused, and requests that fail while the service is unavailable.
  expect(person.complaints.filter((each) => !/status of (401|422)/.test(each))).toEqual([]);
  expect(display.complaints.filter((each) => !/net::ERR_|network error/i.test(each))).toEqual([]);
  await context.close();
  await person.context.close();
});

it('is only read by people whose token may not change the topology', async () => {
  const { page, context } = await signedIn(service.tokens.reader);
  await page.getByText('No display is paired.').waitFor();
  expect(await page.getByRole('button', { name: 'Pair a display…' }).count()).toBe(0);
  await context.close();
});

it('needs no code where the service needs no tokens, and speaks German', async () => {
  const opened = await visit(browser, `${service.url}/display/1`, {
    locale: 'de-AT',
    scheme: 'dark',
    viewport: { width: 1080, height: 1920 },
  });
  await countOn(opened.page, '2 von 3');
  expect(await cookiesOf(opened.context)).toEqual([]);
  await pass(1);
  await opened.page.getByText('Bitte warten').waitFor();
  expect(await opened.accessibilityProblems()).toEqual([]);
  await pass(-1);
  await countOn(opened.page, '2 von 3');
  await opened.page.goto(`${service.url}/display/2`);
  await countOn(opened.page, '0 anwesend');
  expect(opened.complaints).toEqual([]);
  await opened.page.goto(`${service.url}/display/99`);
  await opened.page.getByText('Diesen Bereich gibt es nicht.').waitFor();
  await opened.context.close();
});

it('says that the service cannot confirm the count', async () => {
  const api = await startScriptedApi(1);
  const opened = await visit(browser, `${api.url}/display/1`);
  await countOn(opened.page, '0 of 200');
  api.count('change', 1, 7, { stale: true });
  await opened.page.getByText('This number may be out of date.').waitFor();
  await countOn(opened.page, '7 of 200');
  expect(await opened.accessibilityProblems()).toEqual([]);
  api.count('change', 1, 8);
  await countOn(opened.page, '8 of 200');
  await opened.page.getByText('This number may be out of date.').waitFor({ state: 'detached' });
  expect(opened.complaints).toEqual([]);
  await opened.context.close();
  await api.stop();
});

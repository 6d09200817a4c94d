// The dashboard, used as people use it: in a real browser, against the service on its real engines.
import { readFile } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats } from '../../src/nats/connect.ts';
import { launchBrowser } from '../support/browser.ts';
import { startCuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { startScriptedApi } from '../support/scripted-api.ts';
import { visit, type Visit, type VisitOptions } from '../support/page-visit.ts';

const MINUTE_MS = 60_000;
const startedMs = Date.now();
const minutesAgo = (minutes: number): string => new Date(startedMs - minutes * MINUTE_MS).toISOString();

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  await service.create('/spaces', { name: 'Hall', time_zone: 'Europe/Vienna', capacity: 10 });
  await service.create('/spaces', { name: 'Café', time_zone: 'Europe/Vienna', capacity: 4 });
  await service.create('/spaces', { name: 'Attic', time_zone: 'Europe/Vienna' });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
  await service.create('/doorways', { name: 'Café door', ingress_space_id: 2, egress_space_id: 1 });
  for (const [id, doorway] of [
    ['front', 1],
    ['inner', 2],
  ] as const)
    expect((await service.send('POST', '/dpus', { id, doorway_id: doorway })).status).toBe(201);
  expect((await service.send('POST', '/spaces/1/resets', { timestamp: minutesAgo(120), count: 2 })).status).toBe(201);
  for (const minutes of [90, 80, 70, 60, 50]) await pass('front', 1, minutes);
  for (const minutes of [45, 40, 35]) await pass('inner', 1, minutes);
  await pass('nobody', 1, 5);
  const { nc } = await connectNats(service.natsUrl, 'page test', {});
  nc.publish('dpu.front.readings', JSON.stringify({ timestamp: minutesAgo(-60), direction: 1 }));
  await nc.drain();
  await eventually(async () => expect((await service.get('/dead-letters')).body).toMatchObject([{ items: 1 }]));
  await eventually(async () => expect((await service.get('/unplaced-dpus')).body).toMatchObject([{ id: 'nobody' }]));
  // 2 + 5 - 3 in the hall, 3 in the café.
  await eventually(async () => expect((await service.get('/counts/2/current')).body).toMatchObject({ count: 3 }));
});
afterAll(async () => {
  await Promise.all([browser?.close(), service?.dispose()]);
});

async function pass(dpu: string, direction: 1 | -1, minutes: number): Promise<void> {
  const sent = await service.send('POST', '/readings', { dpu_id: dpu, timestamp: minutesAgo(minutes), direction });
  expect(sent.status).toBe(202);
}

async function passNow(dpu: string, direction: 1 | -1): Promise<void> {
  const timestamp = new Date().toISOString();
  expect((await service.send('POST', '/readings', { dpu_id: dpu, timestamp, direction })).status).toBe(202);
}

async function open(path = '/', options: VisitOptions = {}): Promise<Visit> {
  return visit(browser, `${service.url}${path}`, options);
}

const card = (page: Page, name: string): Locator => page.getByRole('listitem').filter({ hasText: name });
const names = async (page: Page): Promise<string[]> => page.locator('.card-name').allTextContents();

async function closeWithoutComplaints({ context, complaints }: Visit): Promise<void> {
  expect(complaints).toEqual([]);
  await context.close();
}

describe('the overview', () => {
  it('shows every space with its count and capacity, and follows the counts', async () => {
    const opened = await open();
    const { page } = opened;
    const hall = card(page, 'Hall');
    await hall.getByText('40% full').waitFor();
    await hall.getByText('Final', { exact: true }).waitFor();
    expect(await hall.getByRole('link').innerText()).toMatch(/Hall\s+Final\s+4\s+of 10/);
    await page.locator('.sparkline polyline').first().waitFor();
    await passNow('front', 1);
    await hall.getByText('5', { exact: true }).waitFor();
    await hall.getByText('Provisional').waitFor();
    // No event tells that: the page asks.
    await hall.getByText('Final', { exact: true }).waitFor();
    await passNow('front', -1);
    await hall.getByText('4', { exact: true }).waitFor();
    await closeWithoutComplaints(opened);
  });

  it('sorts by fullness, count and name, and searches', async () => {
    const opened = await open();
    const { page } = opened;
    await card(page, 'Café').getByText('75% full').waitFor();
    await eventually(async () => expect(await names(page)).toEqual(['Café', 'Hall', 'Attic']));
    await page.getByLabel('Sort by').selectOption({ label: 'Count' });
    await eventually(async () => expect(await names(page)).toEqual(['Hall', 'Café', 'Attic']));
    await page.getByLabel('Sort by').selectOption({ label: 'Name' });
    await eventually(async () => expect(await names(page)).toEqual(['Attic', 'Café', 'Hall']));
    await page.getByLabel('Search spaces').fill('caf');
    await eventually(async () => expect(await names(page)).toEqual(['Café']));
    await page.getByText('1 of 3 spaces').waitFor();
    await page.getByLabel('Search spaces').fill('cellar');
    await page.getByText('No space has this name.').waitFor();
    await closeWithoutComplaints(opened);
  });

  it('says that it is not connected, and after that misses nothing', async () => {
    const proxy = await startCuttableProxy(service.url);
    const { page, context } = await visit(browser, proxy.url);
    await card(page, 'Hall').getByText('40% full').waitFor();
    proxy.cut();
    await page.getByText('Not connected. The counts shown may be out of date').waitFor();
    await card(page, 'Hall').getByText('Not connected').waitFor();
    await passNow('front', 1);
    await eventually(async () => expect((await service.get('/counts/1/current')).body).toMatchObject({ count: 5 }));
    proxy.restore();
    await card(page, 'Hall').getByText('50% full').waitFor();
    await passNow('front', -1);
    await card(page, 'Hall').getByText('40% full').waitFor();
    await page.locator('.banner').waitFor({ state: 'detached' });
    await context.close();
    await proxy.stop();
  });

  it('says which counts the service cannot confirm', async () => {
    const api = await startScriptedApi(2);
    const opened = await visit(browser, api.url);
    const { page } = opened;
    await card(page, 'Space 1').getByText('Provisional').waitFor();
    api.count('change', 1, 7, { stale: true });
    await card(page, 'Space 1').getByText('Out of date').waitFor();
    await card(page, 'Space 1').getByText('7', { exact: true }).waitFor();
    await card(page, 'Space 2').getByText('Provisional').waitFor();
    expect(await opened.accessibilityProblems()).toEqual([]);
    api.count('change', 1, 8);
    await card(page, 'Space 1').getByText('Provisional').waitFor();
    await closeWithoutComplaints(opened);
    await api.stop();
  });

  it('speaks German, with German numbers', async () => {
    const opened = await open('/', { locale: 'de-AT', viewport: { width: 390, height: 844 } });
    const { page } = opened;
    await page.getByRole('heading', { name: 'Übersicht' }).waitFor();
    await card(page, 'Hall').getByText('zu 40 % voll').waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('de-AT');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await closeWithoutComplaints(opened);
  });
});

describe('a space', () => {
  it('is reached by keyboard, shows its curve as a picture and as a table, and can be zoomed by dragging', async () => {
    const opened = await open();
    const { page } = opened;
    await card(page, 'Hall').getByRole('link').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Hall' }).waitFor();
    await eventually(async () => expect(await page.title()).toBe('Hall · Density'));
    await page.getByRole('button', { name: '6 hours' }).click();
    await page.getByRole('img', { name: /^People inside. Highest count 7, / }).waitFor();
    await page.getByText('Show as a table').click();
    await page.getByText(/^Reset to 2 at /).waitFor();
    await eventually(async () => {
      const entrances = await page.locator('details .data tbody td:nth-child(3)').allTextContents();
      // Five of the past, and those of other tests.
      expect(entrances.reduce((sum, text) => sum + Number(text), 0)).toBeGreaterThanOrEqual(5);
    });
    const before = page.url();
    await page.locator('.u-over').first().scrollIntoViewIfNeeded();
    const box = await page.locator('.u-over').first().boundingBox();
    if (!box) throw new Error('the chart has no place');
    await page.mouse.move(box.x + box.width * 0.6, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await eventually(() => expect(page.url()).not.toBe(before));
    const query = new URLSearchParams(page.url().split('?')[1]);
    const hours = (Date.parse(query.get('to') ?? '') - Date.parse(query.get('from') ?? '')) / 3_600_000;
    expect(hours).toBeCloseTo(6 * 0.3, 1);
    await page.getByText('One value per 1 minute').waitFor();
    await page.goBack();
    await eventually(() => expect(page.url()).toBe(before));
    await closeWithoutComplaints(opened);
  });

  it('shows any span, in the zone of the space, compared with the week before', async () => {
    const opened = await open('/#/spaces/1?from=2026-07-01T00:00:00Z&to=2026-07-02T00:00:00Z');
    const { page } = opened;
    expect(await page.getByLabel('From').inputValue()).toBe('2026-07-01T02:00');
    await page.getByText('Times in Europe/Vienna').waitFor();
    await page.getByLabel('To', { exact: true }).fill('2026-07-01T14:00');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await eventually(() => expect(page.url()).toContain('to=2026-07-01T12%3A00%3A00.000Z'));
    const asked = page.waitForRequest((request) => request.url().includes('start=2026-06-24'));
    await page.getByLabel('Compare with the week before').check();
    await asked;
    await page.getByText('A week before', { exact: true }).waitFor();
    await closeWithoutComplaints(opened);
  });

  it('marks when sensors came and left', async () => {
    await service.create('/doorways', { name: 'Roof ladder', ingress_space_id: 3 });
    await service.send('POST', '/dpus', { id: 'hatch', doorway_id: 3, effective_at: minutesAgo(100) });
    await service.send('PATCH', '/dpus/hatch', { doorway_id: null, effective_at: minutesAgo(60) });
    const opened = await open(`/#/spaces/3?from=${minutesAgo(180)}&to=${minutesAgo(30)}`);
    const { page } = opened;
    await page.locator('.legend').getByText('Sensor moved').waitFor();
    await page.getByText('Show as a table').click();
    await page.getByText(/^Sensor hatch was placed at Roof ladder at /).waitFor();
    await page.getByText(/^Sensor hatch was moved away from Roof ladder at /).waitFor();
    expect(await opened.accessibilityProblems()).toEqual([]);
    await closeWithoutComplaints(opened);
    const later = await open(`/#/spaces/3?from=${minutesAgo(50)}&to=${minutesAgo(30)}`);
    await later.page.locator('.legend').first().waitFor();
    expect(await later.page.getByText('Sensor moved').count()).toBe(0);
    await closeWithoutComplaints(later);
  });

  it('explains its count by terms that add up', async () => {
    const opened = await open('/#/spaces/1');
    const { page } = opened;
    await page.getByRole('button', { name: 'Why this number?' }).click();
    const rows = page.locator('.sum tr');
    await rows.filter({ hasText: /^Reset at/ }).waitFor();
    const numbers = async (text: string): Promise<number[]> =>
      (await rows.filter({ hasText: text }).locator('td').allTextContents()).map(Number);
    const [[start = NaN], front, inner, [count]] = (await Promise.all(
      ['Reset at', 'Front door · front', 'Café door · inner', 'Count'].map(async (text) =>
        text === 'Count' ? (await page.locator('.sum tfoot td').allTextContents()).map(Number) : numbers(text),
      ),
    )) as [number[], number[], number[], number[]];
    expect(start).toBe(2);
    expect(front[0]! - front[1]!).toBe(front[2]);
    expect(inner).toEqual([0, 3, -3]);
    expect(start + front[2]! + inner[2]!).toBe(count);
    await closeWithoutComplaints(opened);
  });

  it('saves what it shows as CSV', async () => {
    const opened = await open(`/#/spaces/1?from=${minutesAgo(180)}&to=${minutesAgo(30)}`);
    const { page } = opened;
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const csv = await readFile(await (await download).path(), 'utf8');
    const [header, ...lines] = csv.trim().split('\n');
    expect(header).toBe('start,end,entrances,exits,min,max,count,utilization,final');
    expect(lines.reduce((sum, line) => sum + Number(line.split(',')[2]), 0)).toBe(5);
    await closeWithoutComplaints(opened);
  });

  it('lists corrections while it is open', async () => {
    const opened = await open('/#/spaces/1');
    const { page } = opened;
    await page.getByText('None since you opened this page.').waitFor();
    await passNow('front', 1);
    await eventually(async () => {
      const { watermark } = (await service.get('/counts/1/current')).body as { watermark: string };
      expect(Date.parse(watermark)).toBeGreaterThan(startedMs);
    });
    // One more came in an hour ago, and one went out: both are late.
    await pass('front', 1, 61);
    await pass('front', -1, 59);
    await pass('front', -1, 58);
    await page
      .getByText(/: a late reading$/)
      .first()
      .waitFor();
    await eventually(async () => expect((await service.get('/counts/1/current')).body).toMatchObject({ count: 4 }));
    await closeWithoutComplaints(opened);
  });
});

describe('doors and sensors', () => {
  it('lists them, with when they were last heard and where they have been', async () => {
    const opened = await open('/#/doors');
    const { page } = opened;
    await page.getByRole('row', { name: /^Café door Hall → Café inner/ }).waitFor();
    const row = page.getByRole('row', { name: /^front Front door/ });
    await row.getByText(/ago$|^now$/).waitFor();
    await row.getByRole('button', { name: 'History front' }).click();
    await page.getByRole('dialog').getByRole('row', { name: 'Front door the beginning' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await closeWithoutComplaints(opened);
  });

  it('places a sensor that reports, so that what it has sent counts', async () => {
    await pass('stray', 1, 20);
    await pass('stray', 1, 10);
    await eventually(async () =>
      expect((await service.get('/unplaced-dpus?sort=held&desc=true')).body).toMatchObject([
        { id: 'stray', held: 2 },
        {},
      ]),
    );
    await service.create('/doorways', { name: 'Ladder', ingress_space_id: 3 });
    const opened = await open('/#/doors');
    const { page } = opened;
    await page.getByRole('button', { name: 'Place… stray' }).click();
    await page.getByLabel('At the doorway').selectOption({ label: 'Ladder (Outside → Attic)' });
    await page.getByRole('button', { name: 'Check what would happen' }).click();
    await page.getByText('2 readings would be corrected.').waitFor();
    await page.getByRole('button', { name: 'Place sensor', exact: true }).click();
    await page.getByText('Sensor stray is placed at Ladder.').waitFor();
    await page.getByRole('row', { name: /^stray Ladder/ }).waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    await card(page, 'Attic').getByText('2', { exact: true }).waitFor();
    await closeWithoutComplaints(opened);
  });
});

describe('dead letters', () => {
  it('shows why, what a replay would do, and replays', async () => {
    const opened = await open('/#/dead-letters');
    const { page } = opened;
    await page.getByText(/^timestamp is too far in the future/).waitFor();
    await page.getByRole('button', { name: 'Replay… front future' }).click();
    // What is edited while it is checked has to be checked again.
    let answer = (): void => undefined;
    const isEdited = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/dead-letters/replay', async (route) => {
      await isEdited;
      await route.continue();
    });
    const answered = page.waitForResponse('**/dead-letters/replay');
    await page.getByRole('button', { name: 'Check what would happen' }).click();
    await page.getByLabel('Shift the clock by (minutes)').fill('-150');
    answer();
    await (await answered).finished();
    await page.getByLabel('Shift the clock by (minutes)').fill('0');
    await page.getByText('1 letters: 0 readings would be sent again, 1 items would not.').waitFor();
    await page.getByLabel('Shift the clock by (minutes)').fill('-150');
    await page.getByRole('button', { name: 'Check what would happen' }).click();
    await page.getByText('1 letters: 1 readings would be sent again, 0 items would not.').waitFor();
    await page.getByRole('button', { name: 'Replay now' }).click();
    await page.getByText('1 readings were sent again; 0 items were not.').waitFor();
    await page.getByText(/^Replayed /).waitFor();
    await closeWithoutComplaints(opened);
  });
});

describe('where a token is needed', () => {
  it('asks for it, refuses a wrong one, offers what it allows, and forgets it', async () => {
    const { page, context, complaints } = await visit(browser, service.protectedUrl);
    const signIn = async (token: string): Promise<void> => {
      await page.getByLabel('Access token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await signIn('wrong');
    await page.getByText('This token is not valid').waitFor();
    await signIn(service.tokens.writer);
    await page.getByText('This token may not read counts').waitFor();
    await signIn(service.tokens.reader);
    await card(page, 'Hall').getByText('40% full').waitFor();
    expect(page.url()).not.toContain(service.tokens.reader);
    await page.getByRole('link', { name: 'Building' }).click();
    await page.getByRole('row', { name: /^nobody / }).waitFor();
    expect(await page.getByRole('button', { name: 'Place… nobody' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate('JSON.stringify({ ...sessionStorage, ...localStorage })')).toBe('{}');
    // Browsers log every answer 401 and 403.
    expect(complaints.filter((each) => !/status of 40[13]/.test(each))).toEqual([]);
    await context.close();
  });
});

describe('accessibility', () => {
  it.each(['light', 'dark'] as const)('axe finds nothing wrong on any view, %s', async (scheme) => {
    const opened = await open('/', { scheme });
    const { page } = opened;
    const check = async (): Promise<void> => expect(await opened.accessibilityProblems()).toEqual([]);
    await card(page, 'Hall').getByText('% full').waitFor();
    await check();
    await page.goto(`${service.url}/#/spaces/1`);
    await page.getByRole('img', { name: /^Entrances and exits. / }).waitFor();
    await page.getByRole('button', { name: 'Why this number?' }).click();
    await page.getByText('Show as a table').click();
    await page.locator('.sum tfoot').waitFor();
    await page.locator('.heat td').first().waitFor();
    await check();
    await page.goto(`${service.url}/#/doors`);
    await page
      .getByRole('button', { name: /^Place… / })
      .first()
      .click();
    await page.getByRole('dialog').waitFor();
    await check();
    await page.keyboard.press('Escape');
    await check();
    await page.goto(`${service.url}/#/dead-letters`);
    await page.getByRole('row').nth(1).waitFor();
    await check();
    await page.goto(`${service.url}/#/nothing`);
    await page.getByText('There is nothing here.').waitFor();
    await check();
    await closeWithoutComplaints(opened);
  });

  it.each(['light', 'dark'] as const)('nor on the sign-in form, %s', async (scheme) => {
    const opened = await visit(browser, service.protectedUrl, { scheme });
    await opened.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await opened.accessibilityProblems()).toEqual([]);
    await opened.context.close();
  });
});

describe('many spaces', () => {
  it('draws only the cards in sight', async () => {
    const rows = Array.from({ length: 400 }, (_, index) => `space,Room ${index},40`);
    const imported = await fetch(`${service.api}/topology/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: ['kind,name,capacity', ...rows].join('\n'),
    });
    expect(imported.status).toBe(200);
    const opened = await open();
    const { page } = opened;
    await page.getByLabel('Sort by').selectOption({ label: 'Name' });
    await page.getByText('403 spaces').waitFor();
    expect(await page.getByRole('listitem').count()).toBeLessThan(60);
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await card(page, 'Room 399').waitFor();
    expect(await card(page, 'Room 399').getAttribute('aria-posinset')).toBe('403');
    expect(await page.getByRole('listitem').count()).toBeLessThan(60);
    await closeWithoutComplaints(opened);
  });
});

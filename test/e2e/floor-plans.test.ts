// Floor plans in the dashboard: an image is uploaded, spaces and doorways are drawn on it by mouse and by keyboard, and it shows live counts.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { pngOf } from '../support/images.ts';
import { startPageService, type PageService } from '../support/page-service.ts';
import { visit } from '../support/page-visit.ts';

let service: PageService;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([startPageService(), launchBrowser()]);
  await service.create('/spaces', { name: 'Hall', time_zone: 'UTC', capacity: 10 });
  await service.create('/spaces', { name: 'Café', time_zone: 'UTC', capacity: 4 });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
  await service.create('/dpus', { id: 'front', doorway_id: 1 });
});
afterAll(async () => {
  await Promise.all([browser?.close(), service?.dispose()]);
});

async function clickAt(page: Page, x: number, y: number): Promise<void> {
  const box = await page.locator('.plan-frame').boundingBox();
  if (!box) throw new Error('the plan has no place');
  await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
}

async function people(count: number): Promise<void> {
  const sent = { dpu_id: 'front', timestamp: new Date().toISOString(), entrances: count, exits: 0 };
  expect((await service.send('POST', '/readings', sent)).status).toBe(202);
}

const planOf = async () =>
  ((await service.get('/floor-plans')).body as { id: string; spaces: object[]; doorways: object[] }[])[0]!;

it('is uploaded and drawn, and shows live counts', async () => {
  const opened = await visit(browser, `${service.url}/#/plans`, { viewport: { width: 1_280, height: 1_100 } });
  const { page } = opened;
  await page.getByText('There is no floor plan yet.').waitFor();
  await page.getByRole('button', { name: 'Add a floor plan…' }).click();
  const dialog = page.getByRole('dialog', { name: 'New floor plan' });
  await dialog.getByLabel('Name').fill('Ground floor');
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  const input = dialog.getByLabel('Image (PNG, JPEG or WebP)');
  await input.setInputFiles({ name: 'plan.svg', mimeType: 'image/svg+xml', buffer: svg });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'SVG is refused' }).waitFor();
  await input.setInputFiles({ name: 'plan.png', mimeType: 'image/png', buffer: Buffer.from(pngOf(800, 400)) });
  expect(await opened.accessibilityProblems()).toEqual([]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The floor plan Ground floor is added.').waitFor();
  await page.getByRole('img', { name: 'Floor plan: Ground floor' }).waitFor();

  await page.getByRole('button', { name: 'Draw…' }).click();
  const what = page.getByRole('combobox', { name: 'Draw' });
  await what.selectOption({ label: 'Hall' });
  for (const [x, y] of [
    [0.1, 0.1],
    [0.5, 0.1],
    [0.5, 0.9],
  ] as const)
    await clickAt(page, x, y);
  expect(await opened.accessibilityProblems()).toEqual([]);

  // The café with the keyboard alone. The crosshair begins where the last point was set.
  await what.selectOption({ label: 'Café' });
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  const press = async (key: string, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) await page.keyboard.press(key);
  };
  await press('ArrowRight', 10);
  await press('Enter', 1);
  await page.getByText('Café: point at 70% from the left, 90% from the top').waitFor({ state: 'attached' });
  await press('ArrowRight', 10);
  await press('Enter', 1);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The outline of Café needs at least three corners.').waitFor();
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await press('ArrowUp', 5);
  await press('Enter', 2);
  await press('Backspace', 1);
  await press('Shift+ArrowUp', 5);
  await press('Enter', 1);
  await what.selectOption({ label: 'Front door' });
  await clickAt(page, 0.3, 0.1);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The floor plan Ground floor is saved.').waitFor();
  const near = (value: number) => expect.closeTo(value, 2) as number;
  const point = (x: number, y: number) => ({ x: near(x), y: near(y) });
  expect(await planOf()).toMatchObject({
    spaces: [
      { space_id: 1, points: [point(0.1, 0.1), point(0.5, 0.1), point(0.5, 0.9)] },
      { space_id: 2, points: [point(0.7, 0.9), point(0.9, 0.9), point(0.9, 0.8), point(0.9, 0.79)] },
    ],
    doorways: [{ doorway_id: 1, ...point(0.3, 0.1) }],
  });

  await people(3);
  const hall = page.locator('.plan-scroll').getByRole('link', { name: /^Hall 3 of 10/ });
  await hall.waitFor();
  await page.getByTitle('Front door').waitFor();
  await people(6);
  await page.getByRole('link', { name: 'Hall 9 of 10 Nearly full' }).waitFor();
  expect(await page.locator('.plan-space.is-nearly').count()).toBe(1);
  await people(1);
  await page.getByRole('link', { name: 'Hall 10 of 10 Full' }).waitFor();
  expect(await opened.accessibilityProblems()).toEqual([]);
  await page.getByRole('link', { name: /^Hall/ }).click();
  await page.getByRole('heading', { name: 'Hall' }).waitFor();
  // Browsers log the refused SVG.
  expect(opened.complaints.filter((each) => !/status of 415/.test(each))).toEqual([]);
  await opened.context.close();
});

it('is not drawn over what somebody else has drawn, and can be changed and deleted', async () => {
  const opened = await visit(browser, `${service.url}/#/plans`, { scheme: 'dark' });
  const { page } = opened;
  await page.getByRole('button', { name: 'Draw…' }).click();
  await page.getByRole('combobox', { name: 'Draw' }).selectOption({ label: 'Café ✓' });
  await page.getByRole('button', { name: 'Remove from the plan' }).click();
  const { id, spaces, doorways } = await planOf();
  expect((await service.send('PUT', `/floor-plans/${id}`, { name: 'Cellar', spaces, doorways })).status).toBe(200);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Somebody else has changed this floor plan').waitFor();
  expect(await planOf()).toMatchObject({ name: 'Cellar', spaces: [{}, {}] });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.reload();
  await page.getByRole('button', { name: 'Draw…' }).click();
  await page.getByLabel('Name').fill('Basement');
  await page.getByRole('combobox', { name: 'Draw' }).selectOption({ label: 'Café ✓' });
  await page.getByRole('button', { name: 'Remove from the plan' }).click();
  expect(await opened.accessibilityProblems()).toEqual([]);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The floor plan Basement is saved.').waitFor();
  expect(await planOf()).toMatchObject({ name: 'Basement', spaces: [{ space_id: 1 }], image: { width: 800 } });

  await page.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('The floor plan Basement is deleted.').waitFor();
  await page.getByText('There is no floor plan yet.').waitFor();
  expect(opened.complaints.filter((each) => !/status of 412/.test(each))).toEqual([]);
  await opened.context.close();
});

it('is only read by people whose token may not change it, also on a phone and in German', async () => {
  await service.send('PUT', '/floor-plans/ground', {
    name: 'Erdgeschoss',
    spaces: [
      {
        space_id: 1,
        points: [
          { x: 0, y: 0 },
          { x: 1, y: 0 },
          { x: 1, y: 1 },
        ],
      },
    ],
  });
  const opened = await visit(browser, `${service.protectedUrl}/#/plans`, {
    locale: 'de-AT',
    viewport: { width: 390, height: 844 },
  });
  const { page } = opened;
  await page.getByLabel('Zugangsschlüssel').fill(service.tokens.reader);
  await page.getByRole('button', { name: 'Anmelden' }).click();
  await page.getByRole('link', { name: 'Hall 10 von 10 Voll' }).waitFor();
  expect(await page.getByRole('button', { name: /^(Grundriss|Zeichnen|Löschen)/ }).count()).toBe(0);
  await eventually(async () => expect(await page.title()).toBe('Erdgeschoss · Density'));
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  expect(await opened.accessibilityProblems()).toEqual([]);
  await opened.context.close();
});

it('shows each plan with its own image, and leads to no other plan while one is drawn', async () => {
  for (const [id, name, image] of [
    ['east', 'East', pngOf(40, 30)],
    ['west', 'West', pngOf(30, 40)],
  ] as const) {
    await service.send('PUT', `/floor-plans/${id}`, { name });
    const stored = await fetch(`${service.api}/floor-plans/${id}/image`, { method: 'PUT', body: image });
    expect(stored.status).toBe(200);
  }
  const opened = await visit(browser, `${service.url}/#/plans/east`);
  const { page } = opened;
  await page.getByRole('img', { name: 'Floor plan: East' }).waitFor();
  let answer = (): void => undefined;
  const isSeen = new Promise<void>((resolve) => (answer = resolve));
  await page.route('**/floor-plans/west/image', async (route) => {
    await isSeen;
    await route.continue();
  });
  await page.getByRole('link', { name: 'West' }).click();
  await page.getByRole('group', { name: 'West' }).waitFor();
  expect(await page.locator('.plan-frame img').count()).toBe(0);
  answer();
  await page.getByRole('img', { name: 'Floor plan: West' }).waitFor();

  await page.getByRole('button', { name: 'Draw…' }).click();
  await page.getByRole('application', { name: 'Drawing area' }).waitFor();
  expect(await page.getByRole('link', { name: 'East' }).count()).toBe(0);
  expect(await page.getByRole('button', { name: 'Add a floor plan…' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('link', { name: 'East' }).waitFor();
  expect(opened.complaints).toEqual([]);
  await opened.context.close();
});

// Draws the pictures of the dashboard for the README and docs/dashboard.md: `npm run docs:pictures`. It starts a service with a made-up
// museum, whose visitors follow a curve, so that every run shows the same building.
import { launchBrowser } from '../test/support/browser.ts';
import { eventually } from '../test/support/eventually.ts';
import { localTimeIn } from '../web/i18n/zoned-time.ts';
import { startLocalService, type LocalService } from '../test/support/local-service.ts';
import { MUSEUM_PLAN, museumImage } from './museum-plan.ts';

const [STEP_MS, HOURS] = [5 * 60_000, 8];
const SIZE = { width: 1280, height: 720 };
/** Name, capacity, and how full it gets; null capacity for a space that has none. */
const SPACES = [
  ['Great Hall', 400, 0.81],
  ['East Gallery', 120, 1.02],
  ['West Gallery', 120, 0.44],
  ['Sculpture Court', 180, 0.37],
  ['Museum Café', 64, 0.88],
  ['Book Shop', 40, 0.55],
  ['Lecture Theatre', 220, 0.12],
  ['Print Room', 24, 0.71],
  ['Roof Terrace', 80, 0.29],
  ['Cloakroom', 30, 0.33],
  ['Education Wing', 90, 0.48],
  ['Foyer', null, 0.62],
] as const;

const service = await startLocalService({ PARTITIONS: '2' });
const browser = await launchBrowser();
try {
  await raiseMuseum(service);
  const context = await browser.newContext({ viewport: SIZE, locale: 'en-GB', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(service.url);
  await eventually(async () => {
    const [curves, final] = [
      await page.locator('.sparkline polyline').count(),
      await page.locator('.is-final').count(),
    ];
    if (curves < SPACES.length || final < SPACES.length) throw new Error(`${curves} curves, ${final} final`);
  });
  await page.screenshot({ path: 'docs/dashboard.png' });
  await page.setViewportSize({ width: SIZE.width, height: 1_280 });
  await page.goto(`${service.url}/#/spaces/1`);
  await page.getByRole('button', { name: '6 hours' }).click();
  await page.getByRole('img', { name: /^Entrances and exits. Highest/ }).waitFor();
  await page.getByRole('button', { name: 'Why this number?' }).click();
  await page.locator('.sum tfoot').waitFor();
  await page.evaluate('scrollTo(0, 0)');
  await page.mouse.move(0, 0);
  await page.screenshot({ path: 'docs/dashboard-space.png' });
  await page.setViewportSize({ width: SIZE.width, height: 900 });
  await page.goto(`${service.url}/#/doors`);
  await page.getByRole('button', { name: 'Move… counter-2' }).click();
  await page.getByLabel('At the doorway').selectOption({ label: 'West Gallery, entrance (Outside → West Gallery)' });
  await page.getByLabel('Since').fill(localTimeIn('Europe/Vienna', Date.now() - 3 * 3_600_000));
  await page.getByRole('button', { name: 'Check what would happen' }).click();
  await page.locator('.effect-bars').first().waitFor();
  await page.screenshot({ path: 'docs/dashboard-change.png' });
  await page.setViewportSize({ width: SIZE.width, height: 740 });
  await addFloorPlan();
  await page.goto(`${service.url}/#/plans`);
  await page.getByRole('img', { name: 'Floor plan: Ground floor' }).waitFor();
  await page.locator('.plan-frame').getByText('Roof Terrace', { exact: true }).waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: 'docs/dashboard-plan.png' });
  await page.setViewportSize(SIZE);
  await page.goto(`${service.url}/display/2`);
  await page.getByText('Please wait').waitFor();
  await page.screenshot({ path: 'docs/dashboard-display.png' });
} finally {
  await browser.close();
  await service.dispose();
}

async function addFloorPlan(): Promise<void> {
  await service.send('PUT', '/floor-plans/ground-floor', MUSEUM_PLAN);
  const image = await museumImage(browser);
  const answer = await fetch(`${service.api}/floor-plans/ground-floor/image`, {
    method: 'PUT',
    headers: { 'content-type': 'image/png' },
    body: Uint8Array.from(image),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

async function raiseMuseum({ create, send, get }: LocalService): Promise<void> {
  const nowMs = Date.now();
  for (const [index, [name, capacity, fullness]] of SPACES.entries()) {
    const space = await create('/spaces', { name, capacity, time_zone: 'Europe/Vienna' });
    const doorway = await create('/doorways', { name: `${name}, entrance`, ingress_space_id: space });
    const dpu = `counter-${index + 1}`;
    await send('POST', '/dpus', { id: dpu, doorway_id: doorway });
    await send('POST', '/readings/batch', readingsOf(dpu, (capacity ?? 90) * fullness, index, nowMs));
  }
  await eventually(async () => {
    const { body } = await get(`/counts/${SPACES.length}/current`);
    if ((body as { count: number }).count === 0) throw new Error('nobody is counted yet');
  });
}

/** Intervals after which there are as many people as the curve says. A few more go in and out. */
function readingsOf(dpu: string, people: number, seed: number, nowMs: number): object[] {
  let inside = 0;
  return Array.from({ length: (HOURS * 3_600_000) / STEP_MS }, (_, step) => {
    const endMs = nowMs - HOURS * 3_600_000 + (step + 1) * STEP_MS;
    const day = (step + 1) / ((HOURS * 3_600_000) / STEP_MS);
    const wave = 1 + 0.12 * Math.sin(day * 19 + seed) + 0.06 * Math.sin(day * 47 + 2 * seed);
    const wanted = Math.round(people * Math.min(1, 1.25 * Math.sin((day * Math.PI) / 1.6)) * (day === 1 ? 1 : wave));
    const through = Math.round(people * 0.04 * (1 + Math.sin(day * 11 + seed)));
    const change = wanted - inside;
    inside = wanted;
    return {
      dpu_id: dpu,
      start: new Date(endMs - STEP_MS).toISOString(),
      timestamp: new Date(endMs).toISOString(),
      entrances: through + Math.max(0, change),
      exits: through + Math.max(0, -change),
    };
  });
}

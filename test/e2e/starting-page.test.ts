// The dashboard before the service can answer: it says so, and continues by itself.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { Gate } from '../../src/http/middleware/gate.ts';
import { pageFolder } from '../../src/http/page.ts';
import { listen } from '../../src/http/server.ts';
import { startingPage } from '../../src/http/starting-page.ts';
import { Metrics } from '../../src/metrics.ts';
import { launchBrowser } from '../support/browser.ts';
import { startLocalService } from '../support/local-service.ts';
import { visit } from '../support/page-visit.ts';

it('says that the service is starting, and shows the counts once it has started', async () => {
  const log = pino({ level: 'silent' });
  const gate = new Gate(new Metrics());
  gate.beforeOpen(await startingPage());
  const http = await listen(gate.handle, '127.0.0.1', 0, log);
  const browser = await launchBrowser();
  const dashboard = await visit(browser, http.url);
  const display = await visit(browser, `${http.url}/display/1`, { locale: 'de' });
  await dashboard.page.getByText('The service is starting. Trying again…').waitFor();
  await display.page.getByText('Der Dienst startet gerade. Neuer Versuch…').waitFor();
  for (const each of [dashboard, display]) expect(await each.accessibilityProblems()).toEqual([]);
  const api = await fetch(`${http.url}/api/v1/spaces`);
  expect([api.status, api.headers.get('retry-after'), api.headers.get('content-type')]).toEqual([
    ...[503, '1', 'application/problem+json'],
  ]);
  expect((await fetch(http.url)).headers.get('content-security-policy')).toMatch(/script-src 'self'/);

  const local = await startLocalService({ PARTITIONS: '1' });
  await local.create('/spaces', { name: 'Hall', capacity: 5 });
  const app = createApp(local.service, log, { page: await pageFolder() }).callback();
  gate.open((request, response) => void app(request, response), local.service);
  await dashboard.page.getByRole('listitem').filter({ hasText: 'Hall' }).waitFor();
  await display.page.locator('.display-count').filter({ hasText: '0 von 5' }).waitFor();
  // Browsers log every answer 503.
  for (const { complaints } of [dashboard, display])
    expect(complaints.filter((each) => !each.includes('status of 503'))).toEqual([]);
  await browser.close();
  local.service.live.stop();
  await http.stop();
  await local.dispose();
});

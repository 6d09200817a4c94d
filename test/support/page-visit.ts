// A visit to the dashboard in a real browser. It notes what a visitor would not want: errors, and requests to other hosts.
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the page and in its console, and requests to other hosts. */
  readonly complaints: readonly string[];
  /** What axe finds, such as `color-contrast .pill`. */
  accessibilityProblems(): Promise<string[]>;
}

export interface VisitOptions {
  readonly scheme?: 'light' | 'dark';
  readonly locale?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
}

const WAIT_MS = 20_000;

export async function visit(
  browser: Browser,
  url: string,
  { scheme = 'light', locale = 'en-GB', viewport = { width: 1280, height: 900 } }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ colorScheme: scheme, locale, viewport, reducedMotion: 'reduce' });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol.startsWith('http') && asked.origin !== new URL(url).origin) complaints.push(request.url());
  });
  await page.goto(url);
  return { page, context, complaints, accessibilityProblems: async () => problemsOf(page) };
}

async function problemsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(async () =>
    (globalThis as unknown as { axe: { run(): Promise<axe.AxeResults> } }).axe.run(),
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id} ${target.join(' ')}`));
}

// A real browser, which comes with an npm package.
import chromium from '@sparticuz/chromium';
import { chromium as launcher, type Browser } from 'playwright-core';

/** These are for AWS Lambda, or weaken what a page is protected by. */
const LEFT_OUT = ['--single-process', '--no-zygote', '--disable-web-security', '--allow-running-insecure-content'];

export async function launchBrowser(): Promise<Browser> {
  return launcher.launch({
    executablePath: await chromium.executablePath(),
    args: chromium.args.filter((each) => !LEFT_OUT.includes(each)),
  });
}

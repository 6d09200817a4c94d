// A real browser, which comes with an npm package. It is unpacked once, into .cache, with the libraries that a plain Debian lacks.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';
import { ROOT } from './project.ts';

const PACKAGE = 'node_modules/@sparticuz/chromium';
const ARGUMENTS = 'arguments.json';
/** These are for AWS Lambda, or weaken what a page is protected by. */
const LEFT_OUT = ['--single-process', '--no-zygote', '--disable-web-security', '--allow-running-insecure-content'];
/** These emulate a graphics card, which takes both cores. Without them the browser draws as it does wherever there is no card. */
const EMULATION = [
  '--ignore-gpu-blocklist',
  '--in-process-gpu',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

export async function launchBrowser(): Promise<Browser> {
  const folder = await unpackedBrowser();
  const args = JSON.parse(await readFile(join(folder, ARGUMENTS), 'utf8')) as string[];
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: args.filter((each) => ![...LEFT_OUT, ...EMULATION].includes(each)),
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'al2023/lib') },
  });
}

/** The folder appears by a rename, so a process that is killed leaves no half of a browser. */
async function unpackedBrowser(): Promise<string> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  const folder = join(ROOT, '.cache', `chromium-${lock.packages[PACKAGE]?.version}`);
  if (existsSync(folder)) return folder;
  const aside = `${folder}.${randomUUID()}`;
  await mkdir(aside, { recursive: true });
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'test/support/unpack-browser.js')], {
    // On AWS Lambda the package unpacks the libraries, too.
    env: { ...process.env, TMPDIR: aside, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
  });
  await writeFile(join(aside, ARGUMENTS), stdout);
  await rename(aside, folder).catch(async (error: unknown) => {
    // Another process has unpacked the same.
    await rm(aside, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  });
  return folder;
}

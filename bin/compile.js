// Compiles src/ and actors/ with their dependencies into a new folder of dist/, as bundles with source maps, and web/ into its folder
// `page`. One file with everything that a command needs starts three times as fast as hundreds of small ones.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'esbuild';
import { BuildError, currentBuild, isBuilt } from './build.js';
import { compilePage } from './compile-page.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const ATTEMPTS_MAX = 5;
/** A process loads the last parts of its build soon after its start, except for the engine that it restarts. */
const KEPT_MS = 86_400_000;

/** chDB is a native module; the others load files of their own by path. */
const EXTERNAL = ['chdb', 'pino', 'pino-pretty', 'swagger-ui-dist'];

/** @returns the folder in dist/ @throws BuildError */
export async function compile() {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const build = currentBuild();
    assertInstalled();
    const aside = join(DIST, `.compiling-${randomUUID()}`);
    try {
      mkdirSync(aside, { recursive: true });
      await bundleInto(aside);
      // A source that was saved meanwhile may be in the build or not.
      if (currentBuild() !== build) continue;
      assertInstalled();
      moveInto(aside, build);
      removeOld(build);
      return build;
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes(error.code)) throw error;
      throw new BuildError(
        `The sources changed since they were compiled, and ${DIST} cannot be written (${error.code}): make it writable, or run npm run build where it is.`,
        { cause: error },
      );
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  }
  throw new BuildError(
    `The sources in ${ROOT} changed ${ATTEMPTS_MAX} times while they were being compiled: start again.`,
  );
}

/**
 * A build is named after the versions in package-lock.json and contains what is installed. After a pull, or while npm ci
 * runs, these may differ.
 */
function assertInstalled() {
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(ROOT, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch (error) {
    throw new BuildError('The packages are not completely installed: run npm ci.', { cause: error });
  }
  const other = Object.entries(installed).find(([path, { version }]) => wanted[path]?.version !== version);
  if (other) throw new BuildError(`${other[0]} is not installed as package-lock.json names it: run npm ci.`);
}

async function bundleInto(outdir) {
  try {
    await bundle(optionsFor(outdir));
    await compilePage(join(outdir, 'page'));
  } catch (error) {
    const [first] = error.errors ?? [];
    if (first === undefined) throw new BuildError(`esbuild failed: ${error.message}`, { cause: error });
    const place = first.location === null ? '' : `${first.location.file}:${first.location.line}: `;
    throw new BuildError(`The sources do not compile: ${place}${first.text}`, { cause: error });
  }
}

function optionsFor(outdir) {
  return {
    absWorkingDir: ROOT,
    entryPoints: ['src/cli/main.ts', 'src/local/clickhouse/clickhouse-http.ts'],
    outdir,
    // All in one folder, two below the root like the sources that find files of the project by a relative path.
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: EXTERNAL,
    // CommonJS packages require Node's modules.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'silent',
  };
}

function moveInto(aside, build) {
  try {
    renameSync(aside, join(DIST, build));
  } catch (error) {
    // Another process compiled the same sources.
    if (!isBuilt(build)) throw error;
  }
}

function removeOld(build) {
  for (const name of readdirSync(DIST)) {
    const path = join(DIST, name);
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (name === build || changedMs >= Date.now() - KEPT_MS) continue;
    // Renamed first, so that a crash leaves no half of a build under its name.
    const aside = join(DIST, `.old-${randomUUID()}`);
    try {
      renameSync(path, aside);
      rmSync(aside, { recursive: true, force: true });
    } catch {
      // It belongs to another user, or another process removes it. The new build does not depend on it.
    }
  }
}

// Compiles src/ and actors/ with their dependencies into a new folder of dist/, as bundles with source maps. One file with everything
// that a command needs starts three times as fast as hundreds of small ones.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'esbuild';
import { BuildError, currentBuild, isBuilt } from './build.js';

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
    const aside = join(DIST, `.compiling-${randomUUID()}`);
    try {
      mkdirSync(aside, { recursive: true });
      await bundleInto(aside);
      // A source that was saved meanwhile may be in the build or not.
      if (currentBuild() !== build) continue;
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

async function bundleInto(outdir) {
  const { errors } = await bundle({
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
  }).catch((error) => error);
  if (errors.length === 0) return;
  const [{ text, location }] = errors;
  const place = location === null ? '' : `${location.file}:${location.line}: `;
  throw new BuildError(`The sources do not compile: ${place}${text}`);
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
    if (name !== build && changedMs < Date.now() - KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}

// Finds the compiled code of the sources as they are now, and compiles them if there is none. An image without sources has one build.
//
// Each build is a folder of its own in dist/, named after a digest of everything it was made of, and appears by a rename. So code that
// is out of date is never run, processes that start at once need no lock, and a crash leaves no broken build.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** There is no build, and none can be made. The message is one sentence with the remedy. */
export class BuildError extends Error {
  name = 'BuildError';
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const LATEST = join(DIST, 'latest.json');
const FOLDERS = ['src', 'actors', 'web'];
const SOURCES = /\.(?:tsx?|css|html|json)$/;
/** The other inputs of a build: the versions of the packages it contains, and how it is compiled. */
const FILES = ['package-lock.json', 'tsconfig.json', 'bin/build.js', 'bin/compile.js', 'bin/compile-page.js'];
/** Two changes within the resolution of a file's time look like one, so files as new as this are compared by content. */
const SETTLED_MS = 2_000;

/** Runs a file of the build. */
export async function run(name) {
  try {
    const build = await findBuild();
    process.setSourceMapsEnabled(true);
    await import(new URL(`../dist/${build}/${name}.js`, import.meta.url).href);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`density: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** @returns the folder in dist/ that has the current code @throws BuildError */
export async function findBuild() {
  return existsSync(join(ROOT, FOLDERS[0])) ? buildOfSources() : onlyBuild();
}

async function buildOfSources() {
  const state = stateOfSources();
  const latest = readLatest();
  if (latest?.stamp === state.stamp && isBuilt(latest.build)) return latest.build;
  const build = digestOfSources(state.files);
  if (!isBuilt(build)) return (await compiler()).compile();
  if (state.newestMs < Date.now() - SETTLED_MS) writeLatest({ stamp: state.stamp, build });
  return build;
}

async function compiler() {
  return import('./compile.js').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new BuildError(
      'The sources are not compiled, and esbuild, a development dependency that compiles them, is not installed: run npm ci.',
      { cause: error },
    );
  });
}

function onlyBuild() {
  const names = existsSync(DIST) ? readdirSync(DIST) : [];
  const builds = names.filter((name) => !name.startsWith('.') && isBuilt(name));
  const [build] = builds;
  if (build === undefined) throw new BuildError(`${ROOT} has neither sources nor compiled code: run npm run build.`);
  if (builds.length > 1)
    throw new BuildError(`${DIST} has ${builds.length} builds and there are no sources to choose by: keep only one.`);
  return build;
}

/** The paths, sizes and times of all sources: a few milliseconds, because nothing is read. */
function stateOfSources() {
  const files = [...FOLDERS.flatMap(sourcesIn), ...FILES].sort();
  const hash = createHash('sha256');
  let newestMs = 0;
  for (const file of files) {
    // Unlike the time of modification, the time of change cannot be set, so a copy or a checkout of an older file has a new one.
    const { size, ctimeMs } = statSync(join(ROOT, file));
    hash.update(`${file}\0${size}\0${ctimeMs}\0`);
    newestMs = Math.max(newestMs, ctimeMs);
  }
  return { files, newestMs, stamp: hash.digest('hex') };
}

function sourcesIn(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => SOURCES.test(name))
    .map((name) => join(folder, name));
}

function digestOfSources(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** The folder in dist/ for the sources as they are now. */
export const currentBuild = () => digestOfSources(stateOfSources().files);

export function isBuilt(build) {
  return existsSync(join(DIST, build, 'main.js'));
}

/** The build for the last stamp: a cache, so that a start need not read the sources. */
function readLatest() {
  try {
    return JSON.parse(readFileSync(LATEST, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeLatest(latest) {
  const aside = `${LATEST}.${randomUUID()}`;
  try {
    writeFileSync(aside, JSON.stringify(latest));
    renameSync(aside, LATEST);
  } catch {
    // A read-only checkout: the next start reads the sources again.
  }
}

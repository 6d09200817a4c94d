// Imports point inwards, and the code that decides is pure: a rule for every folder, checked over the whole tree.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Source {
  readonly path: string;
  readonly text: string;
  /** The project files it imports, as paths from the root. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

const sources: readonly Source[] = ['src', 'actors', 'web'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => sourceOf(join(folder, name))),
);

function sourceOf(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';|\bimport\('([^']+)'\)|^import '([^']+)';/gms),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  const isOwn = (specifier: string): boolean => specifier.startsWith('.');
  return {
    path,
    text,
    files: specifiers.filter(isOwn).map((specifier) => relative(ROOT, resolve(ROOT, path, '..', specifier))),
    packages: specifiers.filter((specifier) => !isOwn(specifier)),
  };
}

const within = (path: string, places: readonly string[]): boolean =>
  places.some((place) => path === place || path.startsWith(`${place}/`));

const PURE = ['src/domain', 'actors'];
/** What every part of the page may use. */
const PARTS = ['web/api', 'web/i18n', 'web/live', 'web/now.ts', 'web/route.ts', 'web/span.ts', 'web/use-answer.ts'];
const MIDDLE = [...PURE, 'src/ports', 'src/live/feed-message.ts', 'src/runtime'];

/** Which folders of the project a folder may import, besides itself. The innermost comes first. */
const MAY_IMPORT: readonly { readonly place: string; readonly of: readonly string[] }[] = [
  { place: 'src/domain', of: [] },
  { place: 'actors', of: ['src/domain'] },
  { place: 'src/adapters', of: ['src/domain'] },
  { place: 'src/live/feed-message.ts', of: PURE },
  { place: 'src/ports', of: [...PURE, 'src/live/feed-message.ts'] },
  { place: 'src/runtime', of: [] },
  { place: 'src/router', of: [...MIDDLE, 'src/adapters'] },
  { place: 'src/topology', of: MIDDLE },
  { place: 'src/publishing', of: [...MIDDLE, 'src/adapters'] },
  { place: 'src/retention', of: [...MIDDLE, 'src/router'] },
  { place: 'src/counts', of: MIDDLE },
  { place: 'src/shards', of: [...MIDDLE, 'src/router'] },
  { place: 'src/recovery', of: [...MIDDLE, 'src/router', 'src/shards', 'src/topology'] },
  { place: 'src/health', of: [...MIDDLE, 'src/router', 'src/shards'] },
  { place: 'src/live', of: MIDDLE },
  { place: 'src/nats', of: MIDDLE },
  { place: 'src/clickhouse', of: MIDDLE },
  // The page shares no code with the service: it knows the API by types that are generated from its OpenAPI document.
  { place: 'web/i18n', of: [] },
  { place: 'web/span.ts', of: [] },
  { place: 'web/route.ts', of: ['web/span.ts'] },
  { place: 'web/now.ts', of: [] },
  { place: 'web/use-answer.ts', of: ['web/i18n'] },
  { place: 'web/use-title.ts', of: ['web/i18n'] },
  { place: 'web/api', of: ['web/i18n'] },
  { place: 'web/live', of: ['web/api', 'web/i18n'] },
  { place: 'web/parts', of: PARTS },
  { place: 'web/changes', of: [...PARTS, 'web/parts'] },
  { place: 'web/space', of: [...PARTS, 'web/parts', 'web/changes'] },
  { place: 'web/doors', of: [...PARTS, 'web/parts', 'web/changes'] },
  { place: 'web/building', of: [...PARTS, 'web/parts'] },
  { place: 'web/plans', of: [...PARTS, 'web/parts'] },
  { place: 'web/display', of: [...PARTS, 'web/parts'] },
  { place: 'web/displays', of: [...PARTS, 'web/parts'] },
  { place: 'web/dead-letters', of: [...PARTS, 'web/parts'] },
  { place: 'web', of: [] },
];
/** These compose the service, or are its edge: nothing further in may import them. */
const OUTER = [
  'src/http',
  'src/cli',
  'src/demo',
  'src/local',
  'src/service.ts',
  'src/service',
  'src/config.ts',
  'src/log.ts',
  'src/metrics.ts',
  'src/observability',
];

/** A package, and the only places that may import it. */
const CLIENTS: Readonly<Record<string, readonly string[]>> = {
  nats: ['src/nats', 'src/service', 'src/demo', 'src/cli'],
  '@nats-io/jetstream': ['src/nats'],
  '@nats-io/kv': ['src/nats'],
  '@nats-io/obj': ['src/nats'],
  '@clickhouse/client': ['src/clickhouse', 'src/service', 'src/cli'],
  koa: ['src/http'],
  sirv: ['src/http'],
  preact: ['web'],
  '@preact/signals': ['web'],
  uplot: ['web/space/charts'],
  'openapi-fetch': ['web/api'],
  '@koa/router': ['src/http'],
  chdb: ['src/local'],
  commander: ['src/cli'],
  xstate: ['actors'],
  'fast-xml-parser': ['src/adapters'],
  '@remix-run/multipart-parser': ['src/adapters'],
  'json-p3': ['src/adapters'],
  '@opentelemetry/sdk-trace-node': ['src/observability'],
};

/** For each file in an import cycle, the shortest cycle through it. */
function cycles(): string[] {
  const importsOf = new Map(sources.map(({ path, files }) => [path, files]));
  const found = new Map<string, string>();
  for (const { path: start } of sources) {
    const cameFrom = new Map<string, string>();
    const queue = [start];
    for (let at = queue.shift(); at !== undefined && !cameFrom.has(start); at = queue.shift()) {
      for (const file of importsOf.get(at) ?? []) {
        if (cameFrom.has(file)) continue;
        cameFrom.set(file, at);
        queue.push(file);
      }
    }
    if (!cameFrom.has(start)) continue;
    const cycle = [start];
    for (let at = cameFrom.get(start) ?? start; at !== start; at = cameFrom.get(at) ?? start) cycle.unshift(at);
    // The same cycle is found from each of its files.
    found.set([...cycle].sort().join(), [start, ...cycle].join(' → '));
  }
  return [...found.values()];
}

describe('the source tree', () => {
  it('is read completely', () => {
    expect(sources.length).toBeGreaterThan(80);
    expect(sources.find(({ path }) => path === 'actors/partition/partition-fold.ts')?.files).toContain(
      'src/domain/log-entry.ts',
    );
  });

  it.each(MAY_IMPORT)('$place imports inwards only', ({ place, of }) => {
    const own = sources.filter(({ path }) => within(path, [place]));
    expect(own.length).toBeGreaterThan(0);
    const strays = own.flatMap(({ path, files }) =>
      files.filter((file) => !within(file, [place, ...of])).map((file) => `${path} → ${file}`),
    );
    expect(strays).toEqual([]);
  });

  // Type imports count, too: a file that needs another's types cannot be understood, or moved, without it.
  it('has no import cycle', () => {
    expect(cycles()).toEqual([]);
  });

  it('has no file that no rule covers', () => {
    const places = [...MAY_IMPORT.map(({ place }) => place), ...OUTER];
    expect(sources.map(({ path }) => path).filter((path) => !within(path, places))).toEqual([]);
  });

  it.each(Object.entries(CLIENTS))('imports %s only where it may', (name, places) => {
    const users = sources.filter(({ packages }) =>
      packages.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)),
    );
    expect(users.map(({ path }) => path).filter((path) => !within(path, places))).toEqual([]);
  });

  it('reads the environment only in config.ts', () => {
    const readers = sources.filter(
      ({ path, text }) => /process\.env\b/.test(text) && !within(path, ['src/config.ts', 'src/local']),
    );
    expect(readers.map(({ path }) => path)).toEqual([]);
  });
});

/** The packages that the files of a folder import. */
const used = (place: string): string[] => [
  ...new Set(sources.filter(({ path }) => within(path, [place])).flatMap(({ packages }) => packages)),
];

describe('the page', () => {
  it('uses few packages, because browsers load them', () => {
    const names = used('web').map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
    expect([...new Set(names)].sort()).toEqual([
      '@preact/signals',
      'eventsource-parser',
      'openapi-fetch',
      'preact',
      'uplot',
    ]);
  });

  it('writes no HTML, and keeps nothing beyond the tab', () => {
    const strays = sources.filter(
      ({ path, text }) =>
        within(path, ['web']) &&
        /innerHTML|dangerouslySet|insertAdjacent|localStorage|document\.cookie|\beval\(/.test(text),
    );
    expect(strays.map(({ path }) => path)).toEqual([]);
  });
});

describe('code that decides', () => {
  it.each([
    ['the wall clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b/],
    ['chance', /\bMath\.random\b|\brandomUUID\b/],
    ['timers', /\bset(?:Timeout|Interval|Immediate)\b/],
    ['waiting', /\basync\b|\bawait\b|\bPromise\b/],
    ['the process', /\bprocess\b\./],
  ])('does not use %s', (_, pattern) => {
    const strays = sources
      .filter(({ path }) => within(path, [...PURE, 'src/adapters']))
      .filter(({ text }) => pattern.test(text.replaceAll(/\/\/[^\n]*|\/\*[^]*?\*\//g, '')));
    expect(strays.map(({ path }) => path)).toEqual([]);
  });

  it('uses no package except luxon in the domain and xstate in the actors', () => {
    expect(used('src/domain')).toEqual(['luxon']);
    expect(used('actors')).toEqual(['xstate']);
  });
});

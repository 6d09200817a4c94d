// The pages of the project refer only to pages, headings, files, alerts, metrics, settings and ADRs that exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ADR_FOLDER = 'docs/adr';
const INDEX = `${ADR_FOLDER}/README.md`;

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'actors/SPEC.md',
  'bench/RESULTS.md',
  ...filesIn('docs', '.md'),
].map((path) => ({ path, text: textOf(path) }));

const withoutCode = (text: string): string => text.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '');

/** The anchor that a code host gives a heading: lower case, without punctuation, hyphens for spaces. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (text: string): string[] =>
  [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    anchorOf(heading.trim()),
  );

interface Link {
  readonly path: string;
  readonly anchor: string;
}

function relativeLinks(page: string, text: string): Link[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { path: path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path)), anchor };
    });
}

describe('links', () => {
  it('are found', () => {
    expect(pages.flatMap(({ path, text }) => relativeLinks(path, text)).length).toBeGreaterThan(100);
    expect(anchorOf("NATS's store: who may fill it")).toBe('natss-store-who-may-fill-it');
  });

  it.each(pages)('of $path lead to pages and headings that exist', ({ path, text }) => {
    const broken = relativeLinks(path, text).filter(
      (link) =>
        !existsSync(join(ROOT, link.path)) ||
        (link.anchor !== '' && !anchorsOf(textOf(link.path)).includes(link.anchor)),
    );
    expect(broken).toEqual([]);
  });
});

// ADRs, measurements and the changelog describe the moment at which they were written.
const current = pages.filter(
  ({ path }) => (!path.startsWith(ADR_FOLDER) || path === INDEX) && !/^(bench|CHANGELOG)/.test(path),
);

describe('files', () => {
  const FILE = /`((?:src|actors|test|bench|docs|deploy|k8s|scripts|bin)\/[\w./-]+\.\w+)`/g;

  it('are found', () => {
    expect(current.flatMap(({ text }) => [...text.matchAll(FILE)]).length).toBeGreaterThan(60);
  });

  it.each(current)('that $path names exist', ({ text }) => {
    const missing = [...text.matchAll(FILE)]
      .map(([, file = '']) => file)
      .filter((file) => !existsSync(join(ROOT, file)));
    expect(missing).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  it('has every folder of the sources in its code map', () => {
    const map = textOf('docs/architecture.md').split('## The code map')[1]?.split('\n## ')[0] ?? '';
    const folders = ['src', 'actors'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${folder}/${name}`),
    );
    expect(folders.length).toBeGreaterThan(15);
    expect(folders.filter((folder) => !map.includes(`\`${folder}\``))).toEqual([]);
  });
});

describe('names', () => {
  const TEXTS = ['src', 'deploy', 'k8s', 'bench', 'test'].flatMap((folder) =>
    ['.ts', '.yml', '.yaml', '.conf', '.json'].flatMap((ending) => filesIn(folder, ending)),
  );
  const texts = [...TEXTS.filter((path) => !path.includes('docs-links')), 'docker-compose.yml', 'package.json']
    .map(textOf)
    .join('\n');
  const alerts = textOf('deploy/prometheus/alerts.yml');
  const namedIn = (text: string, pattern: RegExp): string[] => [
    ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
  ];

  it.each(current)('of alerts, metrics and settings that $path has are in use', ({ text }) => {
    expect(
      namedIn(text, /`(Density[A-Z]\w+)`/g).filter((name) => !alerts.includes(`alert: ${name}\n`)),
      'alerts',
    ).toEqual([]);
    expect(
      namedIn(text, /`(density_\w+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g).filter(
        (name) => !new RegExp(`\\b${name}\\b`).test(texts),
      ),
      'metrics and settings',
    ).toEqual([]);
  });
});

describe('the ADRs', () => {
  const index = textOf(INDEX);
  const adrs = filesIn(ADR_FOLDER, '.md')
    .filter((path) => path !== INDEX)
    .map((path) => ({ path, number: /(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1] ?? '', text: textOf(path) }));
  const rows = [...index.matchAll(/^\| \[(\d{4})\]\(([^)]+)\) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, number = '', file = '', decision = '', status = '']) => ({ number, file, decision, status: status.trim() }),
  );
  const numbersIn = (text: string): string[] => text.match(/\b0\d{3}\b/g) ?? [];

  it('are all in the index, once, in their order', () => {
    expect(rows.map(({ file }) => join(ADR_FOLDER, file))).toEqual(adrs.map(({ path }) => path).sort());
  });

  it.each(adrs)('$path has its number, a status, and the same status in the index', ({ number, text }) => {
    expect(text).toMatch(new RegExp(`^# ${number}: `));
    const status = /Status: (accepted; superseded in part by|superseded by|accepted)\b([^\n]*)/.exec(text);
    expect(status, 'a line with "Status: accepted.", "Status: superseded by …" or the like').not.toBeNull();
    const [kind, by] = [status?.[1] ?? '', numbersIn(status?.[2] ?? '')];
    const row = rows.find((each) => each.number === number);
    expect(row?.status.startsWith(kind.replace('accepted; ', ''))).toBe(true);
    expect(new Set(numbersIn(row?.status ?? ''))).toEqual(new Set(by));
    expect(by.length > 0).toBe(kind !== 'accepted');
    for (const later of by) {
      expect(adrs.map((adr) => adr.number)).toContain(later);
      expect(later > number).toBe(true);
    }
  });

  it('exist if a source or a page refers to them', () => {
    const named = [...filesIn('src', '.ts'), ...filesIn('actors', '.ts'), ...filesIn('test', '.ts')]
      .map(textOf)
      .concat(pages.map(({ text }) => text))
      .flatMap((text) => [...text.matchAll(/docs\/adr\/(\d{4})|\bADR (\d{1,4})\b/g)])
      .map(([, byPath, byNumber = '']) => byPath ?? byNumber.padStart(4, '0'));
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter((number) => !adrs.some((adr) => adr.number === number))).toEqual([]);
  });
});

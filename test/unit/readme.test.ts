import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configTable } from '../../src/config.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

describe('the README', () => {
  it('has the configuration table generated from the schema (npm run docs:config)', () => {
    expect(readme).toContain(configTable());
  });

  it('gives a reason for every dependency', () => {
    const listed = [...readme.matchAll(/`(@?[a-z0-9/*-]+)`/g)].map((match) => match[1] ?? '');
    const missing = Object.keys({ ...packageJson.dependencies, ...packageJson.devDependencies }).filter(
      (name) => !listed.some((some) => some === name || (some.endsWith('/*') && name.startsWith(some.slice(0, -1)))),
    );
    expect(missing).toEqual([]);
  });

  it('names only scripts that exist', () => {
    const named = [...readme.matchAll(/npm (?:run ([a-z:]+)|(test|start))/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(packageJson.scripts).toHaveProperty([name]);
  });

  it('links only to pages that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? '');
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) expect(existsSync(new URL(`../../${link}`, import.meta.url)), link).toBe(true);
  });
});

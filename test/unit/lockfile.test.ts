import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** The part of package-lock.json that this test reads. */
interface Lockfile {
  packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>;
}

const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
const lock = JSON.parse(text) as Lockfile;

describe('the lockfile', () => {
  // `npm ci` refuses a lockfile without an entry for every optional dependency, and `npm install` leaves out
  // those its registry does not carry: on a registry with one platform's engine it writes a lockfile that it
  // then refuses itself.
  test('has an entry for the engine of every platform', () => {
    const wanted = Object.keys(lock.packages['node_modules/chdb']?.optionalDependencies ?? {});
    expect(wanted.length).toBeGreaterThan(0);
    for (const name of wanted) expect(lock.packages).toHaveProperty([`node_modules/${name}`]);
  });

  test('names no registry host', () => {
    expect(Object.values(lock.packages).filter((entry) => entry.resolved !== undefined)).toEqual([]);
  });
});

// actors/SPEC.md and the tests name each other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const specified = [...readFileSync(join(ROOT, 'actors/SPEC.md'), 'utf8').matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map(
  ([, number]) => number,
);
const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.test.ts'),
);
// `it('F2 F3 …')`: a title may carry several.
const titles = tests
  .flatMap((name) => [
    ...readFileSync(join(ROOT, 'test', name), 'utf8').matchAll(
      /\b(?:it|describe)(?:\.\w+\([^]*?\))?\(\s*['"`]((?:[A-Z]\d+ )+)/g,
    ),
  ])
  .flatMap(([, numbers = '']) => numbers.trim().split(' '));

describe('SPEC.md', () => {
  it('has a test for every invariant', () => {
    expect(specified.length).toBeGreaterThan(20);
    expect(specified.filter((number) => !titles.includes(number ?? ''))).toEqual([]);
  });

  it('names every invariant that a test names, once', () => {
    expect([...new Set(titles)].filter((number) => !specified.includes(number))).toEqual([]);
    expect(new Set(specified).size).toBe(specified.length);
  });
});

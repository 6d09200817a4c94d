// Every invariant in actors/SPEC.md has a test, and every number in a test's title is in actors/SPEC.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TEST_FUNCTIONS = new Set(['describe', 'it', 'test']);

const specified = [...readFileSync(join(ROOT, 'actors/SPEC.md'), 'utf8').matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map(
  ([, number = '']) => number,
);

/** The numbers at the beginning of a title: `F2 F3 cuts …`, `L1, L2: from …`. */
function numbersOf(title: string): string[] {
  const [numbers = ''] = /^(?:[A-Z]\d+[,:]?\s+)+/.exec(title) ?? [];
  return numbers.match(/[A-Z]\d+/g) ?? [];
}

/** `it` in `it('…')`, `it.each([…])('…')`, `describe.skipIf(…)('…')`. */
function rootOf(callee: ts.Expression): string {
  if (ts.isCallExpression(callee)) return rootOf(callee.expression);
  if (ts.isPropertyAccessExpression(callee)) return rootOf(callee.expression);
  if (ts.isTaggedTemplateExpression(callee)) return rootOf(callee.tag);
  return ts.isIdentifier(callee) ? callee.text : '';
}

function titlesIn(source: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && TEST_FUNCTIONS.has(rootOf(node.expression))) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) titles.push(title.text);
      else if (title && ts.isTemplateExpression(title)) titles.push(title.head.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('a.test.ts', source, ts.ScriptTarget.Latest));
  return titles;
}

const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => titlesIn(readFileSync(join(ROOT, 'test', name), 'utf8')))
  .flatMap(numbersOf);

describe('SPEC.md', () => {
  it('has a test for every invariant', () => {
    expect(specified.length).toBeGreaterThan(20);
    expect(specified.filter((number) => !tests.includes(number))).toEqual([]);
  });

  it('lists every invariant that a test names, once', () => {
    expect([...new Set(tests)].filter((number) => !specified.includes(number))).toEqual([]);
    expect(new Set(specified).size).toBe(specified.length);
  });
});

describe('the titles of tests', () => {
  it.each([
    [`it('W1 keeps its watermark', () => {});`, ['W1']],
    [`it("F2 F3 cuts the same blocks", () => {});`, ['F2', 'F3']],
    [`test('L1, L2: from a granted lease', () => {});`, ['L1', 'L2']],
    ['it.each([[(1)], [2]])(`S3 the first ${SEEDS} seeds`, () => {});', ['S3']],
    [`describe.skipIf(isOff)('A1 A2 A3 the account', () => {});`, ['A1', 'A2', 'A3']],
    [`it('notices that L1 is gone', () => {}); expect('L2 is here');`, []],
  ])('are read as they are written: %s', (source, numbers) => {
    expect(titlesIn(source).flatMap(numbersOf)).toEqual(numbers);
  });
});

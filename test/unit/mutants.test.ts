// A mutant that does not fit the sources any more tests nothing.
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { ROOT } from '../simulation/bundle.ts';
import { MUTANTS } from '../simulation/mutants.ts';

it.each(MUTANTS.map(({ name, patch }) => [name, patch] as const))('%s: fits its source, once', async (_, { file, find }) => {
  expect((await readFile(`${ROOT}${file}`, 'utf8')).split(find)).toHaveLength(2);
});

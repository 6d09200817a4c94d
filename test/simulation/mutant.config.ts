// Runs a test on the sources of a mutant, whose name is in MUTANT.
import { readFile } from 'node:fs/promises';
import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { patched, ROOT, sourceOf } from './bundle.ts';
import { MUTANTS } from './mutants.ts';

const mutant = MUTANTS.find(({ name }) => name === process.env['MUTANT']);
if (!mutant) throw new Error('MUTANT is the name of no mutant');
const { patch } = mutant;
const source = `${ROOT}${await sourceOf(patch)}`;

export default mergeConfig(base, {
  root: ROOT,
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      load: async (id: string) => (id === source ? patched(await readFile(id, 'utf8'), patch) : undefined),
    },
  ],
  test: { testTimeout: 60_000, reporters: ['dot'] },
});

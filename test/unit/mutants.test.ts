// A mutant that does not fit the sources any more tests nothing.
import { expect, it } from 'vitest';
import { sourceOf } from '../simulation/bundle.ts';
import { MUTANTS } from '../simulation/mutants.ts';

it.each(MUTANTS.map(({ name, patch }) => [name, patch] as const))(
  '%s: fits one place of the sources',
  async (_, patch) => {
    await expect(sourceOf(patch)).resolves.toMatch(/\.ts$/);
  },
);

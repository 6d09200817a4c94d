// A mutant whose text is no longer in the sources would test nothing.
import { expect, it } from 'vitest';
import { sourceOf } from '../simulation/bundle.ts';
import { MUTANTS } from '../simulation/mutants.ts';

it.each(MUTANTS.map(({ name, patch }) => [name, patch] as const))(
  '%s: its text occurs once in the sources',
  async (_, patch) => {
    await expect(sourceOf(patch)).resolves.toMatch(/\.ts$/);
  },
);

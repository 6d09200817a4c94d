// A deliberate bug: one change of the production sources.
import type { Patch } from './bundle.ts';

export interface Mutant {
  readonly name: string;
  readonly patch: Patch;
  /** Only one of this many seeds can catch it; all seeds if undefined. */
  readonly step?: number;
  /** The test that catches it, if seeds hardly ever do. */
  readonly test?: string;
}

/** @param test the test that catches it, if seeds hardly ever do */
export function mutant(name: string, find: string, replace: string, test?: string): Mutant {
  return { name, patch: { find, replace }, ...(test === undefined ? {} : { test }) };
}

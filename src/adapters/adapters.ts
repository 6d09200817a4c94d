// The adapters by name, as they stand in URLs and subjects.
import type { Adapter, OptionProblem } from './adapter.ts';
import { axisAoa } from './axis-aoa.ts';
import { axisPeopleCounter } from './axis-people-counter.ts';
import { butlr } from './butlr.ts';
import { chirpstack } from './chirpstack.ts';
import { density } from './density.ts';
import { hikvision } from './hikvision.ts';
import { mapping } from './mapping.ts';
import { milesight } from './milesight.ts';
import { roode } from './roode.ts';
import { ttn } from './ttn.ts';
import { xovis } from './xovis.ts';

export const ADAPTERS: ReadonlyMap<string, Adapter> = new Map(
  [xovis, milesight, chirpstack, ttn, hikvision, axisAoa, axisPeopleCounter, roode, density, butlr, mapping].map(
    (adapter) => [adapter.name, adapter],
  ),
);

const WITHOUT_DEFAULTS: ReadonlySet<string> = new Set(
  [...ADAPTERS.values()].filter(({ configure }) => !configure({}).ok).map(({ name }) => name),
);

/** What is wrong with the options of a device. @param options null for the defaults */
export function optionProblems(adapter: string, options: object | null): readonly OptionProblem[] {
  if (options === null && needsOptions(adapter))
    return [{ path: '', detail: `are required: the adapter ${adapter} has no defaults` }];
  const configured = ADAPTERS.get(adapter)?.configure(options ?? {});
  return configured && !configured.ok ? configured.problems : [];
}

/** True if the adapter has no defaults. */
export function needsOptions(adapter: string): boolean {
  return WITHOUT_DEFAULTS.has(adapter);
}

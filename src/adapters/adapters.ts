// The adapters by their names in URLs and subjects.
import type { Adapter } from './adapter.ts';
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

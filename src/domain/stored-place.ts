// The place of a list over all spaces or sensors, as clients see it: which blocks of each shard were stored, and where the
// topology was. With it the same list can be given again, although more has been stored since (docs/adr/0110). Clients treat
// it as opaque.
import { checkOf } from './check-digit.ts';
import type { TopologyPlace } from './topology-place.ts';

export interface StoredPlace {
  readonly topology: TopologyPlace;
  /** By partition, the last block that is included. */
  readonly blocks: readonly number[];
}

const TEXT = /^(stored-([\da-z]{1,11})-([\da-z]{1,11})-([\da-z]{1,11}(?:\.[\da-z]{1,11})*))-([\da-z]{1,11})$/;
export const STORED_PLACE_PATTERN = '^stored-[0-9a-z]{1,11}-[0-9a-z]{1,11}-[0-9a-z.]+-[0-9a-z]{1,11}$';

export function formatStoredPlace({ topology: { seq, digest }, blocks }: StoredPlace): string {
  const text = `stored-${seq.toString(36)}-${digest.toString(36)}-${blocks.map((block) => block.toString(36)).join('.')}`;
  return `${text}-${checkOf(text)}`;
}

/** @returns undefined for any other text, also if a character was mistyped */
export function parseStoredPlace(text: string): StoredPlace | undefined {
  const [, checked, seq, digest, list, check] = TEXT.exec(text) ?? [];
  if (checked === undefined || seq === undefined || digest === undefined || checkOf(checked) !== check)
    return undefined;
  const blocks = (list ?? '').split('.').map((block) => Number.parseInt(block, 36));
  const topology = { seq: Number.parseInt(seq, 36), digest: Number.parseInt(digest, 36) };
  return [topology.seq, topology.digest, ...blocks].every(Number.isSafeInteger) ? { topology, blocks } : undefined;
}

// The identifiers of the domain, branded so that one cannot be passed for another.

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A space: a positive integer given by the topology. 0 is the space of unplaced readings. */
export type SpaceId = Brand<number, 'SpaceId'>;
/** A doorway: a positive integer given by the topology. */
export type DoorwayId = Brand<number, 'DoorwayId'>;
/** A DPU's own name, as its subject carries it: 1 to 64 of A-Z a-z 0-9 _ and -. */
export type DpuId = Brand<string, 'DpuId'>;
/** Number of a shard: reading partition k plus space partition k. */
export type Partition = Brand<number, 'Partition'>;

/** Holds the readings of DPUs that had no placement at the time (DESIGN section 4, held readings). */
export const UNPLACED = 0 as SpaceId;
/** The doorway named in events of UNPLACED. */
export const NO_DOORWAY = 0 as DoorwayId;

export const DPU_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
export const READING_NAME_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

export const DPU_ID_RULE = '1 to 64 letters, digits, _ or -';

/** A DPU id becomes one token of a NATS subject: `.`, `*`, `>`, spaces and `/` would change its meaning. */
export function isDpuId(value: unknown): value is DpuId {
  return typeof value === 'string' && DPU_ID_PATTERN.test(value);
}

/** What a DPU may send as a reading's `id`. ASCII, so that this code and ClickHouse order it alike. */
export function isReadingName(value: unknown): value is string {
  return typeof value === 'string' && READING_NAME_PATTERN.test(value);
}

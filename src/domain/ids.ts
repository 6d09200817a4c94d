// The identifiers of the domain, as branded types, so that one cannot be passed where another is expected.

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A positive integer assigned by the topology, or UNPLACED. */
export type SpaceId = Brand<number, 'SpaceId'>;
/** A positive integer assigned by the topology, or NO_DOORWAY. */
export type DoorwayId = Brand<number, 'DoorwayId'>;
/** The id that a DPU has in its NATS subject: 1 to 64 of A-Z a-z 0-9 _ and -. */
export type DpuId = Brand<string, 'DpuId'>;
/** The number of a partition, from 0. Shard k is reading partition k together with space partition k. */
export type Partition = Brand<number, 'Partition'>;

/** The space of held readings: those whose DPU had no placement at the time. */
export const UNPLACED = 0 as SpaceId;
/** The doorway of events in UNPLACED. */
export const NO_DOORWAY = 0 as DoorwayId;

const DPU_ID = /^[A-Za-z0-9_-]{1,64}$/;
const READING_ID = /^[A-Za-z0-9_-]{1,64}$/;

export const DPU_ID_RULE = '1 to 64 letters, digits, _ or -';

/** A DPU id is one token of a NATS subject, where `.`, `*`, `>`, spaces and `/` have a meaning of their own. */
export function isDpuId(value: unknown): value is DpuId {
  return typeof value === 'string' && DPU_ID.test(value);
}

/** What a DPU may send as a reading's `id`. ASCII only, so that JavaScript and ClickHouse sort reading ids alike. */
export function isReadingName(value: unknown): value is string {
  return typeof value === 'string' && READING_ID.test(value);
}

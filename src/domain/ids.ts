// The identifiers of the domain, as branded types, so that one cannot be passed where another is expected.

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A positive integer assigned by the topology, or NOWHERE. */
export type SpaceId = Brand<number, 'SpaceId'>;
/** A positive integer assigned by the topology, or NO_DOORWAY. */
export type DoorwayId = Brand<number, 'DoorwayId'>;
/** A DPU's own name: 1 to 128 printable ASCII characters without white space, such as a MAC address. */
export type DpuId = Brand<string, 'DpuId'>;
/** The number of a partition, from 0. Shard k is reading partition k together with space partition k. */
export type Partition = Brand<number, 'Partition'>;

/**
 * The space of readings that count in no space: held ones, whose DPU had no placement at the time, deleted ones, and
 * excluded ones, which keep their doorway.
 */
export const NOWHERE = 0 as SpaceId;
/** The doorway of held readings. */
export const NO_DOORWAY = 0 as DoorwayId;
/** The doorway of deleted readings, wherever their DPU was: the highest number that ClickHouse and the log can store. */
export const DELETED_DOORWAY = 0xffff_ffff as DoorwayId;

// ASCII, so that this code, NATS and ClickHouse order and hash it in the same way.
export const ID_PATTERN = /^[\x21-\x7e]{1,128}$/;
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

export const DPU_ID_RULE = '1 to 128 printable ASCII characters without white space';

export function isDpuId(value: unknown): value is DpuId {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

/** Separates a device from one of its lines, in the id of a DPU that an adapter reads from the device's payloads. */
export const LINE_SEPARATOR = '/';

/**
 * The device of a DPU: `S1` for `S1` and for its lines `S1/north` and `S1/south`. The DPUs of a device share a
 * partition, so that one router reads everything that the device sends.
 */
export function deviceOf(dpuId: DpuId): DpuId {
  const end = dpuId.indexOf(LINE_SEPARATOR);
  return end > 0 ? (dpuId.slice(0, end) as DpuId) : dpuId;
}

/** The permitted `id` of a reading. */
export function isReadingName(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

/** 1 to 64 letters, digits, _ or -. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

/**
 * These characters have a meaning in subjects or permissions of NATS, or in topics of MQTT; `=` begins an escape, and
 * `~` separates the parts of a reading id.
 */
const ESCAPED = /[.*>/+#=~{}()]/g;
const ESCAPE = /=([0-9A-F]{2})/g;

/**
 * A DPU's id as one token of a subject, and as the first part of a reading id. Letters, digits, `:`, `_` and `-` are
 * not escaped.
 */
export function tokenOfDpu(dpuId: DpuId): string {
  return dpuId.replace(
    ESCAPED,
    (character) => `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** The DPU that a token names; undefined if the token is not a result of `tokenOfDpu`. */
export function dpuOfToken(token: string | undefined): DpuId | undefined {
  if (token === undefined) return undefined;
  // Most ids need no escapes.
  const text = token.includes('=')
    ? token.replace(ESCAPE, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    : token;
  return isDpuId(text) && tokenOfDpu(text) === token ? text : undefined;
}

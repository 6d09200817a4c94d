// Instants as parameters of SQL statements: milliseconds since 1970, converted to DateTime64(3) by ClickHouse.
import { LATEST_STORABLE_MS } from '../domain/instant.ts';

/** The bound parameter `name`, in milliseconds, as an instant. */
export function instantParam(name: string): string {
  return `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`;
}

/** Limits an instant to the range of DateTime64(3). Nothing is stored later, so a query misses no rows. */
export function storable(ms: number): number {
  return Math.min(ms, LATEST_STORABLE_MS);
}

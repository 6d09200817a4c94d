import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { LogCursor } from '../../src/ports/log.ts';

/** Everything up to a sequence; closes the cursor. */
export async function readTo(cursor: LogCursor, seq: number): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  while ((entries.at(-1)?.seq ?? 0) < seq) entries.push(...(await cursor.next(500)));
  await cursor.close();
  return entries;
}

/** The given number of entries; closes the cursor. */
export async function readNext(cursor: LogCursor, count: number): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  while (entries.length < count) entries.push(...(await cursor.next(100)));
  await cursor.close();
  return entries;
}

// Whether READINGS still has what a router consumed.
import { expect, it } from 'vitest';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { markOf } from '../../src/domain/log-mark.ts';
import { isConsumed } from '../../src/router/marked-logs.ts';

const entry = (seq: number): StoredEntry => ({
  seq,
  timeMs: 1_000 * seq,
  subject: 'readings.1.d',
  data: new TextEncoder().encode(`reading ${seq}`),
});
/** It has the messages from 3 to 9, but not 5. */
const BOUNDS = { firstSeq: 3, lastSeq: 9 };
const readings = {
  at: async (seq: number): Promise<StoredEntry | undefined> =>
    seq < BOUNDS.firstSeq || seq > BOUNDS.lastSeq || seq === 5 ? undefined : entry(seq),
  bounds: async () => BOUNDS,
};
const isThere = async (seq: number, marked = seq): Promise<boolean> =>
  isConsumed(readings, seq, markOf(entry(marked)), BOUNDS);

it('L3 an offset beyond the end of the log is refused', async () => {
  expect(await isThere(9)).toBe(true);
  expect(await isThere(10)).toBe(false);
});

it('L3 an offset is refused if the log has another entry there, or none although it has later ones', async () => {
  expect(await isThere(7, 6)).toBe(false);
  expect(await isThere(5)).toBe(false);
});

it('L3 an offset before the beginning of the log is accepted: it was purged', async () => {
  expect(await isThere(2)).toBe(true);
  expect(await isConsumed(readings, 0, null, BOUNDS)).toBe(true);
});

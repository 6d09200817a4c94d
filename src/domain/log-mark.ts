// Marks show whether a log is still the one that was read. After a power failure, a corrupted file or a restored
// backup a stream may be shorter than it was, and reuse sequences. So a stored sequence always comes with a mark,
// which identifies the entry at that sequence.

/** Identifies a message of READINGS. */
export interface MessageMark {
  /** Arrival time, by the log's clock. */
  readonly timeMs: number;
  /** `digestOf` its subject and its bytes. */
  readonly digest: number;
}

/** Identifies a commit in SPACE_EVENTS. */
export interface CommitMark {
  readonly seq: number;
  readonly commitId: string;
}

/** A log no longer holds what was read from it: it lost entries, and may have reused their sequences. */
export class LogWentBack extends Error {
  override readonly name = 'LogWentBack';
}

/** 32-bit FNV-1a: sufficient to distinguish a message from its replacement, but no protection against forgery. */
export function digestOf(bytes: Uint8Array, seed = FNV_OFFSET): number {
  let hash = seed;
  // By index: an iterator takes three times as long, and a start computes this for all of TOPOLOGY.
  const { length } = bytes;
  for (let at = 0; at < length; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), FNV_PRIME);
  return hash >>> 0;
}

const [FNV_OFFSET, FNV_PRIME] = [0x811c9dc5, 0x01000193];
const encoder = new TextEncoder();

export function markOf({
  timeMs,
  subject,
  data,
}: {
  readonly timeMs: number;
  readonly subject: string;
  readonly data: Uint8Array;
}): MessageMark {
  return { timeMs, digest: digestOf(data, digestOf(encoder.encode(subject))) };
}

/** True if `entry` is the message from which the mark was made. */
export function isMarked(entry: Parameters<typeof markOf>[0], { timeMs, digest }: MessageMark): boolean {
  // The server's nanoseconds exceed the precision of a number, so a millisecond may be rounded either way.
  return Math.abs(entry.timeMs - timeMs) <= 1 && markOf(entry).digest === digest;
}

// Marks show whether a log is still the one that was read. A log can go back: after a power failure, a flipped bit or a
// restored backup a stream is shorter than it was, and reuses its sequence numbers. So every stored position in a log
// comes with a mark of the entry at that position.

/** Of a message of READINGS: when it was stored, and what it was. */
export interface MessageMark {
  readonly timeMs: number;
  /** `digestOf` its subject and its bytes. */
  readonly digest: number;
}

/** A commit in SPACE_EVENTS. */
export interface CommitMark {
  readonly seq: number;
  readonly commitId: string;
}

/** A log no longer holds what was read from it: it is shorter than it was, and may have reused sequences. */
export class LogWentBack extends Error {
  override readonly name = 'LogWentBack';
}

/** 32-bit FNV-1a. It distinguishes a message from its replacement; it does not protect against forgery. */
export function digestOf(bytes: Uint8Array, seed = FNV_OFFSET): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
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

/** True when a message is the one of which a mark was made. */
export function isMarked(entry: Parameters<typeof markOf>[0], { timeMs, digest }: MessageMark): boolean {
  // The server's nanoseconds do not fit into a number: a millisecond may come out rounded either way.
  return Math.abs(entry.timeMs - timeMs) <= 1 && markOf(entry).digest === digest;
}

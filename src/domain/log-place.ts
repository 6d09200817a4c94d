// Places in SPACE_EVENTS. A later epoch of the logs comes after all sequences of an earlier one.

export interface LogPlace {
  readonly epoch: number;
  /** The last sequence that is included. */
  readonly seq: number;
}

export function isSamePlace(a: LogPlace, b: LogPlace): boolean {
  return a.epoch === b.epoch && a.seq === b.seq;
}

/** True if a commit is included at a place. @param commit sequence 0 stands for the beginning of its epoch */
export function isKnownAt(commit: LogPlace, { epoch, seq }: LogPlace): boolean {
  return commit.epoch < epoch || (commit.epoch === epoch && commit.seq <= seq);
}

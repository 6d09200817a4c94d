/**
 * The epoch of the logs that a process takes part in. A new one begins each time a log that went back is repaired; commits,
 * blocks and checkpoints of an older epoch count no more. Shared by all that read or write them.
 */
export class LogEpoch {
  current: number;

  constructor(current = 0) {
    this.current = current;
  }
}

/** The logs have begun another epoch: start over in that. */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged';
}

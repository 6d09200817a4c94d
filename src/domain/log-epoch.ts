/**
 * The epoch of the logs, as this process knows it. Each repair of a log that went back begins a new one; commits, blocks and
 * checkpoints of older epochs are ignored. One object, shared by everything that reads or writes the logs.
 */
export class LogEpoch {
  current: number;

  constructor(current = 0) {
    this.current = current;
  }
}

/** The logs are in another epoch: restart in that one. */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged';
}

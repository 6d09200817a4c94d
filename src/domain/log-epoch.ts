// Epochs of the logs. A log that lost entries may reuse sequence numbers, so its repair begins a new epoch: commits,
// blocks and checkpoints of older epochs are ignored from then on.

/** The epoch in which this process works. One object, shared by everything that reads or writes the logs. */
export class LogEpoch {
  current: number;

  constructor(current = 0) {
    this.current = current;
  }
}

/** The logs are in another epoch than the one in which this work began; it has to restart in that epoch. */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged';
}

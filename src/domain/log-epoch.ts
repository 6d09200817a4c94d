// Epochs of the logs. A log that lost entries may reuse sequence numbers, so its repair begins a new epoch: commits,
// blocks and checkpoints of older epochs are ignored from then on.

/** The epoch that this process works in. One object, shared by everything that reads or writes the logs. */
export class LogEpoch {
  current: number;

  constructor(current = 0) {
    this.current = current;
  }
}

/** The logs are in another epoch than the one this work began in: restart in that one. */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged';
}

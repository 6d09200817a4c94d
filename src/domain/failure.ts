// Why a command or a question cannot be answered. Edges translate the kind (HTTP status, exit code);
// the domain knows nothing of them.

/** `changed`: what the command was based on is no longer so. */
export type FailureKind = 'not_found' | 'invalid' | 'conflict' | 'changed' | 'unavailable';

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  /** The field at fault, as the client names it; empty when it is none. */
  readonly field: string;
  /** For `unavailable`: when to try again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    kind: FailureKind,
    detail: string,
    options: { field?: string; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(detail, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.field = options.field ?? '';
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What must hold does not. Stops the shard or router that finds it: a wrong count is worse than none. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

export function invariant(condition: boolean, statement: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(statement());
}

// The ways in which a command or question can fail. The outer layers translate the kind into an HTTP status or exit
// code, which the domain does not know.

/** `changed`: the resource was modified since the client read it (a precondition failed). */
export type FailureKind = 'not_found' | 'invalid' | 'conflict' | 'changed' | 'unavailable';

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  /** The invalid field, by the client's name for it; empty if the failure is not about a single field. */
  readonly field: string;
  /** For `unavailable`: when to retry. */
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

/**
 * An invariant does not hold. It stops the shard or router that detects it, because a wrong count is worse than none.
 */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/**
 * @throws InvariantViolation with `statement`, which describes what was found, unless the condition holds
 */
export function invariant(condition: boolean, statement: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(statement());
}

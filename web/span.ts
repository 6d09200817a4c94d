/** A span of time, in milliseconds since 1970. */
export interface Span {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

// What a payload in test/data/devices counts.
export interface Sample {
  readonly adapter: string;
  readonly file: string;
  readonly options?: object;
  readonly device?: string;
  readonly modulus?: number;
  /** `dpu  [start]  end  in/out`. */
  readonly counts: readonly string[];
  /** Paths of what cannot be read. */
  readonly rejected?: readonly string[];
  readonly skipped?: readonly string[];
}

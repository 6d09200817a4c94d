// What the live stream sends (docs/live-stream.md).

export interface LiveCount {
  readonly space_id: number;
  readonly timestamp: string;
  readonly count: number;
  readonly last_reading_at: string | null;
  readonly watermark: string | null;
  readonly final: boolean;
  readonly settled: boolean;
  /** Absent if it is up to date. */
  readonly stale?: true;
}

export interface Correction {
  readonly space_id: number;
  readonly from: string;
  readonly to: string;
  readonly cause: 'late' | 'move' | 'reset';
}

export type LiveEvent =
  | { readonly kind: 'snapshot' | 'change'; readonly data: LiveCount }
  | { readonly kind: 'correction'; readonly data: Correction };

/** @returns undefined for events that this page need not know, such as `lagged` */
export function parseLiveEvent(kind: string | undefined, text: string): LiveEvent | undefined {
  switch (kind) {
    case 'snapshot':
    case 'change':
      return { kind, data: JSON.parse(text) as LiveCount };
    case 'correction':
      return { kind, data: JSON.parse(text) as Correction };
    case undefined:
    default:
      return undefined;
  }
}

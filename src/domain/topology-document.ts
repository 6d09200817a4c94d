// A topology as an operator writes it down: devices, and spaces, doorways and DPUs that refer to each other by name or external id.
// What a document leaves out stays as it is; nothing is removed by it.
import type { DpuId } from './ids.ts';
import { nameKey } from './name.ts';

/** The place of an entry or error in a document. */
export interface DocumentPlace {
  /** From 1. */
  readonly line: number;
  /** Path of the entry, such as `dpus.3`, if several entries may be on one line; otherwise empty. */
  readonly at: string;
}

export interface SpaceEntry extends DocumentPlace {
  readonly name: string;
  readonly externalId?: string | null | undefined;
  readonly timeZone?: string | undefined;
  readonly dailyReset?: string | null | undefined;
  readonly dailyResetCount?: number | undefined;
  readonly capacity?: number | null | undefined;
}

export interface DoorwayEntry extends DocumentPlace {
  readonly name: string;
  readonly externalId?: string | null | undefined;
  /** Name or external id of the space that direction 1 leads into; null for outside. */
  readonly ingressSpace?: string | null | undefined;
  readonly egressSpace?: string | null | undefined;
}

export interface PlacementEntry extends DocumentPlace {
  /** Name or external id; null for none. */
  readonly doorway: string | null;
  /** BEGINNING_MS for the beginning of time. */
  readonly fromMs: number;
}

export interface DpuEntry extends DocumentPlace {
  readonly id: DpuId;
  /** False if the document only places the DPU, which must then be registered. */
  readonly isDeclared: boolean;
  readonly counterModulus?: number | null | undefined;
  readonly placements: readonly PlacementEntry[];
}

/** How the payloads of a device are read. Its secret is in no document. */
export interface DeviceEntry extends DocumentPlace {
  readonly id: DpuId;
  readonly adapter: string;
  /** Null for the defaults; undefined leaves them, unless they were for another adapter. */
  readonly options?: Readonly<Record<string, unknown>> | null | undefined;
  /** True if its adapter has no defaults, so that a device without options for it is an error. */
  readonly needsOptions: boolean;
}

/** An exclusion of a DPU that is registered, or declared in the document. */
export interface ExclusionEntry extends DocumentPlace {
  readonly dpuId: DpuId;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
}

export interface TopologyDocument {
  readonly spaces: readonly SpaceEntry[];
  readonly doorways: readonly DoorwayEntry[];
  readonly dpus: readonly DpuEntry[];
  readonly devices: readonly DeviceEntry[];
  readonly exclusions: readonly ExclusionEntry[];
  /** Mistakes that were found when it was parsed. */
  readonly errors: readonly DocumentError[];
  /** The total number, which may exceed the listed errors. */
  readonly errorsCount: number;
  /** Names and external ids of entries that could not be parsed. References to them are not reported as errors. */
  readonly unreadable: ReadonlySet<string>;
}

/** An error in a document. */
export interface DocumentError {
  readonly line: number;
  /** The invalid field, with the path of its entry; empty if the error is not about a single field. */
  readonly path: string;
  readonly detail: string;
}

/** Errors for entries about the same thing as an earlier entry. */
export function repetitionsIn({ spaces, doorways }: Pick<TopologyDocument, 'spaces' | 'doorways'>): DocumentError[] {
  return [...repeatedLabels(spaces), ...repeatedLabels(doorways)];
}

function* repeatedLabels(entries: readonly (SpaceEntry | DoorwayEntry)[]): Generator<DocumentError> {
  const first = new Map<string, SpaceEntry | DoorwayEntry>();
  for (const entry of entries) {
    const { name, externalId = null } = entry;
    for (const [field, text] of [
      ['name', name],
      ['external_id', externalId],
    ] as const) {
      if (text === null) continue;
      const before = first.get(nameKey(text));
      if (before === undefined) first.set(nameKey(text), entry);
      else if (before !== entry)
        yield errorAt(entry, field, `${JSON.stringify(text)} is on line ${before.line} already`);
    }
  }
}

export function errorAt({ line, at }: DocumentPlace, field: string, detail: string): DocumentError {
  return { line, path: [at, field].filter((part) => part !== '').join('.'), detail };
}

// Imports a topology document. The whole document is checked against the current topology, and nothing is written if
// anything is wrong. Then it is written in batches, each decided on the current state of the log and stored whole or
// not at all. Entries that are already registered are skipped, so an interrupted import is completed by running it
// again (E3).
import { Failure } from '../domain/failure.ts';
import {
  EntryRefused,
  planRegistration,
  type Planned,
  type PlannedChange,
  type RegistrationEntry,
} from '../domain/plan-registration.ts';
import type { Author, SingleFact } from '../domain/topology.ts';
import type { RegistrationView } from '../domain/topology-command.ts';
import { errorAt, repetitionsIn, type DocumentError, type TopologyDocument } from '../domain/topology-document.ts';
import { requireNothingSince, type TopologyPlace } from '../domain/topology-place.ts';
import { TopologyDraft } from '../domain/topology-draft.ts';
import { nameKey } from '../domain/name.ts';
import { labelsOf } from '../domain/topology-labels.ts';
import type { Timing } from '../runtime/timing.ts';
import type { TopologyService } from './topology-service.ts';

/** A batch is one message, and NATS refuses messages of more than 1 MB. */
const BATCH_BYTES_MAX = 256 * 1024;
const ENTRIES_PER_BATCH = 2_000;
const CHECKED_AT_ONCE = 500;
const SHOWN_MAX = 1_000;

export interface KindTally {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

export interface ImportResult {
  readonly spaces: KindTally;
  readonly doorways: KindTally;
  readonly dpus: KindTally;
  readonly devices: KindTally;
  readonly exclusions: KindTally;
  /** What was or would be created and updated, the first 1,000. */
  readonly changes: readonly PlannedChange[];
  readonly changesCount: number;
}

/** The progress of an import: first all entries are checked, then all are written. */
export interface ImportProgress {
  readonly phase: 'check' | 'write';
  readonly done: number;
  readonly total: number;
}

export interface ImportOptions {
  readonly by: Author;
  /** Refuse to write if anything in the topology has changed since. */
  readonly asOf?: TopologyPlace | undefined;
  readonly now: () => number;
  readonly timing: Pick<Timing, 'yield'>;
  readonly onProgress: (progress: ImportProgress) => void;
  /** Bounds how long the event loop is busy with one batch; 2,000 by default. */
  readonly entriesPerBatch?: number;
}

type CheckOptions = Pick<ImportOptions, 'now' | 'timing' | 'onProgress'>;

/** A document cannot be imported. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
  /** The first 1,000 errors, in line order. */
  readonly errors: readonly DocumentError[];
  readonly errorsCount: number;
  /** Entries written before the refusal: 0, unless another process changed the topology during the import. */
  readonly written: number;

  constructor(errors: readonly DocumentError[], errorsCount = errors.length, written = 0) {
    super(`the document has ${errorsCount} ${errorsCount === 1 ? 'mistake' : 'mistakes'}`);
    this.errors = [...errors].sort((a, b) => a.line - b.line).slice(0, SHOWN_MAX);
    this.errorsCount = errorsCount;
    this.written = written;
  }
}

/** What an import would do, and the facts that it would append. @throws DocumentRefused */
export async function planImport(
  view: RegistrationView,
  document: TopologyDocument,
  options: CheckOptions,
): Promise<{ readonly result: ImportResult; readonly facts: readonly SingleFact[] }> {
  return check(view, document, entriesOf(document), options);
}

/** @throws DocumentRefused; Failure changed, before anything is written; Failure unavailable, after which some batches may be stored */
export async function importTopology(
  topology: TopologyService,
  document: TopologyDocument,
  options: ImportOptions,
): Promise<ImportResult> {
  const entries = entriesOf(document);
  // Read the entries of other processes first, so that the document is not refused for lack of them.
  await topology.catchUp().catch((cause: unknown) => {
    throw new Failure('unavailable', 'the topology cannot be read at the moment', { cause, retryAfterSeconds: 5 });
  });
  await check(topology.history.latest(), document, entries, options);
  return write(topology, entries, options);
}

/** In the order in which they may refer to each other. */
function entriesOf({ spaces, doorways, dpus, devices, exclusions }: TopologyDocument): RegistrationEntry[] {
  return [
    ...spaces.map((entry) => ({ kind: 'space', entry }) as const),
    ...doorways.map((entry) => ({ kind: 'doorway', entry }) as const),
    ...dpus.map((entry) => ({ kind: 'dpu', entry }) as const),
    ...devices.map((entry) => ({ kind: 'device', entry }) as const),
    ...exclusions.map((entry) => ({ kind: 'exclusion', entry }) as const),
  ];
}

async function check(
  view: RegistrationView,
  document: TopologyDocument,
  entries: readonly RegistrationEntry[],
  { now, timing, onProgress }: CheckOptions,
): Promise<Tally> {
  const [draft, tally, nowMs] = [new TopologyDraft(view), new Tally(), now()];
  const repetitions = repetitionsIn(document);
  const errors = [...document.errors, ...repetitions.slice(0, SHOWN_MAX)];
  let errorsCount = document.errorsCount + repetitions.length;
  const refused = new Set(document.unreadable);
  for (const [index, each] of entries.entries()) {
    try {
      const planned = planRegistration(draft, each, nowMs);
      if (planned) draft.apply(planned.fact);
      tally.add(each.kind, planned);
    } catch (error) {
      if (!(error instanceof EntryRefused)) throw error;
      if (each.kind === 'space' || each.kind === 'doorway')
        for (const label of labelsOf(each.entry)) refused.add(label);
      // What it refers to is in the document, and wrong itself.
      if (error.missing !== undefined && refused.has(nameKey(error.missing))) continue;
      errorsCount += 1;
      if (errors.length < 2 * SHOWN_MAX) errors.push(errorOf(error));
    }
    if (index % CHECKED_AT_ONCE === CHECKED_AT_ONCE - 1) {
      onProgress({ phase: 'check', done: index + 1, total: entries.length });
      await timing.yield();
    }
  }
  if (errorsCount > 0) throw new DocumentRefused(errors, errorsCount);
  return tally;
}

async function write(
  topology: TopologyService,
  entries: readonly RegistrationEntry[],
  { by, now, onProgress, asOf, entriesPerBatch = ENTRIES_PER_BATCH }: ImportOptions,
): Promise<ImportResult> {
  const tally = new Tally();
  for (let from = 0; from < entries.length;) {
    let batch: Batch | undefined;
    try {
      await topology.append((view) => {
        if (asOf && from === 0) requireNothingSince(topology.history, asOf);
        return (batch = batchFrom(view, entries.slice(from, from + entriesPerBatch), now())).facts;
      }, by);
    } catch (error) {
      if (error instanceof EntryRefused) throw new DocumentRefused([errorOf(error)], 1, from);
      throw error;
    }
    for (const [kind, planned] of batch?.outcomes ?? []) tally.add(kind, planned);
    from += batch?.outcomes.length ?? entries.length;
    onProgress({ phase: 'write', done: from, total: entries.length });
  }
  return tally.result;
}

interface Batch {
  readonly facts: readonly SingleFact[];
  readonly outcomes: readonly (readonly [RegistrationEntry['kind'], Planned | undefined])[];
}

/** The first of the entries, as many as fit into one message. */
function batchFrom(view: RegistrationView, entries: readonly RegistrationEntry[], nowMs: number): Batch {
  const draft = new TopologyDraft(view);
  const facts: SingleFact[] = [];
  const outcomes: [RegistrationEntry['kind'], Planned | undefined][] = [];
  let bytes = 0;
  for (const each of entries) {
    const planned = planRegistration(draft, each, nowMs);
    outcomes.push([each.kind, planned]);
    if (!planned) continue;
    draft.apply(planned.fact);
    facts.push(planned.fact);
    bytes += Buffer.byteLength(JSON.stringify(planned.fact));
    if (bytes >= BATCH_BYTES_MAX) break;
  }
  return { facts, outcomes };
}

function errorOf({ place, failure }: EntryRefused): DocumentError {
  return errorAt(place, failure.field, failure.message);
}

class Tally {
  readonly #kinds = {
    space: { created: 0, updated: 0, unchanged: 0 },
    doorway: { created: 0, updated: 0, unchanged: 0 },
    dpu: { created: 0, updated: 0, unchanged: 0 },
    device: { created: 0, updated: 0, unchanged: 0 },
    exclusion: { created: 0, updated: 0, unchanged: 0 },
  };
  readonly facts: SingleFact[] = [];
  readonly #changes: PlannedChange[] = [];
  #changesCount = 0;

  add(kind: RegistrationEntry['kind'], planned: Planned | undefined): void {
    const counts = this.#kinds[kind];
    if (!planned) {
      counts.unchanged += 1;
      return;
    }
    counts[planned.change.action === 'create' ? 'created' : 'updated'] += 1;
    this.facts.push(planned.fact);
    this.#changesCount += 1;
    if (this.#changes.length < SHOWN_MAX) this.#changes.push(planned.change);
  }

  get result(): ImportResult {
    const { space, doorway, dpu, device, exclusion } = this.#kinds;
    return {
      spaces: space,
      doorways: doorway,
      dpus: dpu,
      devices: device,
      exclusions: exclusion,
      changes: this.#changes,
      changesCount: this.#changesCount,
    };
  }
}

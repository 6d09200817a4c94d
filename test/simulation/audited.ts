// Compares the audit of a process with the log, and with the commands that people gave. It does not use the history: it reads the
// log to find what each fact replaced.
import { DEFAULT_SETTINGS, type Author, type SingleFact, type TopologyEntry } from '../../src/domain/topology.ts';
import type { TopologyCommand } from '../../src/domain/topology-command.ts';
import { signatureOf, type Edit, type EditedKind, type TopologyEdits } from '../../src/domain/topology-edits.ts';
import { readAudit } from '../../src/topology/read-audit.ts';

/** What a person asked for, and what the service answered that it had recorded. */
export interface GivenCommand {
  readonly kinds: readonly EditedKind[];
  readonly recorded: SingleFact[];
}

const KINDS: Readonly<Record<TopologyCommand['kind'], EditedKind>> = {
  createSpace: 'space',
  updateSpace: 'space',
  deleteSpace: 'space',
  createDoorway: 'doorway',
  updateDoorway: 'doorway',
  deleteDoorway: 'doorway',
  createDpu: 'dpu',
  placeDpu: 'dpu',
  deleteDpu: 'dpu',
  excludeReadings: 'exclusion',
  deleteExclusion: 'exclusion',
  deleteReading: 'deletion',
  restoreReading: 'deletion',
  setAdapter: 'device',
  deleteDevice: 'device',
  recordReset: 'reset',
  changeReset: 'reset',
  deleteReset: 'reset',
  changeSettings: 'settings',
};
export const kindsOf = ({ kind }: TopologyCommand): EditedKind[] => [KINDS[kind]];
export const IMPORTED_KINDS: readonly EditedKind[] = ['space', 'doorway', 'dpu', 'device', 'exclusion'];

/** All edits by pages, in the order of the log. */
export async function auditOf(edits: TopologyEdits, limit: number, isNewestFirst = true): Promise<Edit[]> {
  const found: Edit[] = [];
  const pause = async (): Promise<void> => undefined;
  // A page that begins where the one before began would go on for ever.
  while (found.length <= edits.length) {
    const last = found.at(-1);
    const after = last && { seq: last.entry.seq, index: last.index, total: edits.length };
    const page = await readAudit(edits, { filter: {}, isNewestFirst, limit, after }, pause);
    found.push(...page.edits);
    if (page.isLast) break;
  }
  return isNewestFirst ? found.reverse() : found;
}

/** What the audit should list: each fact with what it replaced. */
export function editsIn(entries: readonly TopologyEntry[]): object[] {
  const last = new Map<string, unknown>();
  return entries.flatMap((entry) =>
    (entry.fact.kind === 'batch' ? entry.fact.doc : [entry.fact]).map((fact, index) => {
      const key = keyOf(fact);
      const before = last.get(key) ?? null;
      const after = wholeOf(fact);
      last.set(key, after);
      return { seq: entry.seq, index, kind: fact.kind, before, after, ...signatureOf(entry) };
    }),
  );
}

export const shown = (edit: Edit): object => ({
  seq: edit.entry.seq,
  index: edit.index,
  kind: edit.kind,
  before: edit.before ?? null,
  after: edit.after,
  ...signatureOf(edit.entry),
});

/** Settings in the order of their defaults, which an earlier version may have lacked. */
const wholeOf = ({ kind, doc }: SingleFact): object => (kind === 'settings' ? { ...DEFAULT_SETTINGS, ...doc } : doc);

function keyOf({ kind, doc }: SingleFact): string {
  const { id, spaceId, dpuId, readingId } = doc as {
    id?: unknown;
    spaceId?: unknown;
    dpuId?: unknown;
    readingId?: unknown;
  };
  return JSON.stringify([kind, id, spaceId, dpuId, readingId]);
}

/**
 * @param isWhole false after a loss of the logs, when entries that were recorded may be gone
 */
export async function objectionsToAudit(
  edits: TopologyEdits,
  entries: readonly TopologyEntry[],
  given: ReadonlyMap<Author, GivenCommand>,
  isWhole: boolean,
): Promise<string[]> {
  const found = await auditOf(edits, 3);
  const objections: string[] = [];
  const [is, shouldBe] = [JSON.stringify(found.map(shown)), JSON.stringify(editsIn(entries))];
  if (is !== shouldBe) objections.push(`the audit is ${is}, should be ${shouldBe}`);
  for (const edit of found) {
    const { by } = signatureOf(edit.entry);
    const isRight = by === 'service' ? edit.kind === 'epoch' : by !== null && given.get(by)?.kinds.includes(edit.kind);
    if (!isRight) objections.push(`${JSON.stringify(shown(edit))} was not done by ${by}`);
  }
  const recorded = new Set(found.map((edit) => JSON.stringify([signatureOf(edit.entry).by, edit.kind, edit.after])));
  for (const [by, { recorded: facts }] of isWhole ? given : [])
    for (const fact of facts)
      if (!recorded.has(JSON.stringify([by, fact.kind, wholeOf(fact)])))
        objections.push(`the audit lacks ${JSON.stringify(fact)}, which was recorded for ${by}`);
  return objections;
}

// The audit against the entries of the log, for any history.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { doorwayAt } from '../../src/domain/placement.ts';
import type { Space, TopologyEntry } from '../../src/domain/topology.ts';
import { signatureOf, type Edit } from '../../src/domain/topology-edits.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { editJson } from '../../src/http/audit-json.ts';
import { auditedChange } from '../../src/http/schemas/audit.ts';
import { readAudit, type AuditFilter } from '../../src/topology/read-audit.ts';
import { auditOf, editsIn, shown } from '../simulation/audited.ts';
import { AUTHORS, drawnTopology } from '../support/drawn-topology.ts';
import { spaceCalled } from '../support/space-called.ts';

const seeds = fc.nat();
const pause = async (): Promise<void> => undefined;

function historyOf(entries: readonly TopologyEntry[]): TopologyHistory {
  const history = new TopologyHistory();
  for (const entry of entries) history.apply(entry);
  return history;
}

const drawn = (seed: number, changes = 40): TopologyEntry[] =>
  drawnTopology(seed, changes, (seq) => (seq % 5 === 0 ? undefined : AUTHORS[seq % AUTHORS.length]));

async function allOf(history: TopologyHistory, filter: AuditFilter): Promise<Edit[]> {
  const request = { filter, isNewestFirst: true, limit: 1_000, after: undefined };
  const { edits, total, isLast } = await readAudit(history.edits, request, pause);
  expect([total, isLast]).toEqual([edits.length, true]);
  return [...edits];
}

describe('E5 the audit', () => {
  it('lists each change once with what it replaced, in pages of any size and either order', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (seed, limit, isNewestFirst) => {
        const entries = drawn(seed);
        const found = await auditOf(historyOf(entries).edits, limit, isNewestFirst);
        expect(found.map(shown)).toEqual(editsIn(entries));
      }),
    );
  });

  it('leaves out exactly what a filter does not select', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const history = historyOf(drawn(seed));
        const all = await allOf(history, {});
        const [space, doorway, dpu] = [1 as SpaceId, 2 as DoorwayId, 'd1' as DpuId];
        const { atMs } = signatureOf((all[all.length >> 1] as Edit).entry);
        const isOfSpace = ({ kind, before, after }: Edit): boolean =>
          (kind === 'space' && after.id === space) ||
          (kind === 'reset' && after.spaceId === space) ||
          (kind === 'doorway' &&
            [before, after].some((side) => side?.ingressSpaceId === space || side?.egressSpaceId === space));
        const isOfDoorway = ({ kind, before, after }: Edit): boolean => {
          if (kind === 'doorway') return after.id === doorway;
          if (kind !== 'dpu') return false;
          const [was, is] = [before?.placements ?? [], after.placements];
          return [0, ...was.map(({ fromMs }) => fromMs), ...is.map(({ fromMs }) => fromMs)].some((ms) => {
            const at = [doorwayAt(was, ms), doorwayAt(is, ms)];
            return at[0] !== at[1] && at.includes(doorway);
          });
        };
        const isOfDpu = ({ kind, after }: Edit): boolean =>
          ((kind === 'dpu' || kind === 'device') && after.id === dpu) ||
          ((kind === 'exclusion' || kind === 'deletion') && after.dpuId === dpu);
        const filters: [AuditFilter, (edit: Edit) => boolean][] = [
          [{ kind: 'reset' }, ({ kind }) => kind === 'reset'],
          [{ by: 'token:ann' }, ({ entry }) => entry.fact.by === 'token:ann'],
          [{ fromMs: atMs }, ({ entry }) => signatureOf(entry).atMs >= atMs],
          [{ toMs: atMs }, ({ entry }) => signatureOf(entry).atMs < atMs],
          [{ seq: 12 }, ({ entry }) => entry.seq === 12],
          [{ spaceId: space }, isOfSpace],
          [{ doorwayId: doorway }, isOfDoorway],
          [{ dpuId: dpu }, isOfDpu],
          [{ dpuId: dpu, kind: 'exclusion' }, (edit) => isOfDpu(edit) && edit.kind === 'exclusion'],
        ];
        for (const [filter, isSelected] of filters)
          expect((await allOf(history, filter)).map(shown), JSON.stringify(filter)).toEqual(
            all.filter(isSelected).map(shown),
          );
      }),
    );
  });

  it('shows every change as documented, and never the secret of a device', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { edits } = historyOf(drawn(seed));
        for (let n = 0; n < edits.length; n++) {
          const json = editJson(edits.at(n) as Edit);
          expect(auditedChange.safeParse(json).error).toBeUndefined();
          expect(JSON.stringify(json)).not.toMatch(/"salt"|"hash"/);
        }
      }),
    );
  });

  it('continues where a page ended although newer changes were made since', async () => {
    const entries = drawn(1);
    const [before, after] = [historyOf(entries.slice(0, 15)), historyOf(entries)];
    const request = { filter: {}, isNewestFirst: true, limit: 4 };
    const first = await readAudit(before.edits, request, pause);
    const last = first.edits.at(-1) as Edit;
    const place = { seq: last.entry.seq, index: last.index, total: first.total };
    const second = await readAudit(after.edits, { ...request, after: place }, pause);
    expect([...first.edits, ...second.edits].map(shown)).toEqual(editsIn(entries.slice(0, 15)).reverse().slice(0, 8));
    expect(second.total).toBe(first.total);
  });

  it('yields to other requests while it reads very many changes', async () => {
    const docs = Array.from({ length: 25_000 }, (_, n): Space => spaceCalled(`space ${n}`, (n + 1) as SpaceId));
    const history = historyOf([{ seq: 1, fact: { kind: 'batch', doc: docs.map((doc) => ({ kind: 'space', doc })) } }]);
    let pauses = 0;
    const request = { filter: { by: 'token:nobody' }, isNewestFirst: true, limit: 10 };
    const found = await readAudit(history.edits, request, async () => void pauses++);
    expect([found, pauses]).toEqual([{ edits: [], total: 0, isLast: true }, 2]);
  });

  it('is empty once the log is read again', async () => {
    const history = historyOf(drawn(2));
    history.clear();
    expect(await allOf(history, {})).toEqual([]);
  });
});

// The entries of a topology log that a seed stands for: a building, and then any changes of it, some of them in batches.
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { Failure } from '../../src/domain/failure.ts';
import { personMeasure } from '../../src/domain/measure.ts';
import { identityOf } from '../../src/domain/reading.ts';
import { DEFAULT_SETTINGS, type Author, type SingleFact, type TopologyEntry } from '../../src/domain/topology.ts';
import { decideTopology, type TopologyCommand } from '../../src/domain/topology-command.ts';
import { TopologyHistory, type TopologyView } from '../../src/domain/topology-history.ts';
import { drawChange } from '../simulation/draw-change.ts';
import { Random } from '../simulation/random.ts';

export const AUTHORS: readonly Author[] = ['token:ann', 'token:bob', 'jwt:cleo', 'loopback', 'cli', 'demo', 'service'];
const START_MS = Date.UTC(2026, 10, 24);
const MINUTE = 60_000;
const DPUS = ['d1', 'd2', 'd3'] as DpuId[];
const READINGS = DPUS.map((dpuId, n) => identityOf({ dpuId, timestampMs: START_MS + n, measure: personMeasure(1) }));

const BUILDING: readonly TopologyCommand[] = [
  ...['Hall', 'Room', 'Attic'].map((name): TopologyCommand => ({
    kind: 'createSpace',
    fields: { name, timeZone: 'UTC', dailyReset: null, capacity: null },
  })),
  ...[1, 2, 3].map((n): TopologyCommand => ({
    kind: 'createDoorway',
    fields: { name: `door ${n}`, ingressSpaceId: n as SpaceId, egressSpaceId: n === 1 ? null : (1 as SpaceId) },
  })),
  ...DPUS.map((id, n): TopologyCommand => ({ kind: 'createDpu', id, doorwayId: (n + 1) as DoorwayId })),
  { kind: 'changeSettings', settings: { ...DEFAULT_SETTINGS, idleTimeoutMs: 1_000 } },
];

/** @param by the author of an entry; undefined for an entry as earlier versions wrote it */
export function drawnTopology(seed: number, changes: number, by: (seq: number) => Author | undefined): TopologyEntry[] {
  const random = new Random(seed);
  const history = new TopologyHistory();
  const entries: TopologyEntry[] = [];
  let nowMs = START_MS;
  const append = (decide: (view: TopologyView) => readonly SingleFact[]): void => {
    nowMs += random.pick([0, 1, MINUTE]);
    try {
      const [first, ...others] = decide(history.latest());
      if (!first) return;
      const fact = others.length > 0 ? ({ kind: 'batch', doc: [first, ...others] } as const) : first;
      const [seq, author] = [history.seq + 1, by(history.seq + 1)];
      const entry = { seq, storedMs: nowMs, fact: author === undefined ? fact : { ...fact, by: author, atMs: nowMs } };
      entries.push(entry);
      history.apply(entry);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  };
  for (const command of BUILDING) append((view) => [decideTopology(view, command, nowMs)]);
  for (let n = 0; n < changes; n++) {
    const command = others(random);
    const change = drawChange(random, history.latest(), [START_MS, nowMs], READINGS);
    append((view) => (command ? [decideTopology(view, command, nowMs)] : change(view, nowMs)));
  }
  return entries;
}

/** What a dry run is never about. */
function others(random: Random): TopologyCommand | undefined {
  if (random.chance(0.75)) return undefined;
  const [space, doorway, dpu] = [random.int(1, 4) as SpaceId, random.int(1, 4) as DoorwayId, random.pick(DPUS)];
  return random.pick<TopologyCommand>([
    { kind: 'updateSpace', id: space, fields: { capacity: random.int(1, 9) } },
    {
      kind: 'createSpace',
      fields: { name: `space ${random.int(1, 9)}`, timeZone: 'UTC', dailyReset: null, capacity: 1 },
    },
    { kind: 'deleteSpace', id: space },
    { kind: 'deleteDoorway', id: doorway },
    { kind: 'deleteDpu', id: dpu },
    {
      kind: 'setAdapter',
      id: dpu,
      adapter: 'xovis',
      options: null,
      secret: { salt: 'salt', hash: `hash ${random.int(1, 9)}` },
    },
    { kind: 'deleteDevice', id: dpu },
    { kind: 'changeSettings', settings: { ...DEFAULT_SETTINGS, idleTimeoutMs: random.int(1, 9) * 1_000 } },
  ]);
}

// Export and import of the topology: what is exported imports again without a change, and gives the same export on an
// empty service. Importing is what single calls do, however they are drawn.
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { hasVisibleCharacter } from '../../src/domain/name.ts';
import type { TopologyCommand } from '../../src/domain/topology-command.ts';
import type { TopologyDocument } from '../../src/domain/topology-document.ts';
import { readCsvDocument } from '../../src/http/topology-document/csv-document.ts';
import { DocumentBuilder } from '../../src/http/topology-document/document-builder.ts';
import { exportCsv, exportJson } from '../../src/http/topology-document/export-document.ts';
import { readJsonDocument } from '../../src/http/topology-document/json-document.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { DocumentRefused, importTopology, type ImportResult } from '../../src/topology/import-topology.ts';
import type { TopologyService } from '../../src/topology/topology-service.ts';
import { memoryTopology } from '../support/memory-topology.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const FORMATS = [
  ['JSON', exportJson, readJsonDocument],
  ['CSV', exportCsv, readCsvDocument],
] as const;

/** Few, so that names, ids and deleted things meet again. */
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'c',
    'd',
    'é',
    'e\u0301',
    'x,y',
    'he said "no"',
    'two\nlines',
    'a\rb',
    '#1',
    'kind',
    ' =1+1 ',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
);
const label = name.map((text) => text.trim()).filter((text) => hasVisibleCharacter(text) && !text.includes('\0'));
const id = fc.integer({ min: 1, max: 5 });
const side = fc.option(id);
const instant = fc.option(fc.constantFrom(0, 1, NOW_MS - 1_000, NOW_MS, NOW_MS + 1_000), { nil: undefined });
const deviceId = fc.constantFrom('00:6E:02', 'gw', 'x"y,z', '=1') as fc.Arbitrary<DpuId>;
const [SECRET, OTHER_SECRET] = [
  { salt: 'a-salt', hash: 'a-hash' },
  { salt: 'another-salt', hash: 'another-hash' },
];
const dpuId = fc.constantFrom('283', 'a1:b2', 'x"y,z', '=1');

const deviceCommand = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('setAdapter'),
      id: deviceId,
      adapter: fc.constant('mapping'),
      options: fc.record({
        kind: fc.constant('total'),
        entrances: fc.constantFrom('$.in', "$['a,b']", '$["\\r\\n"]'),
        line: fc.constant('$.line'),
        lines: fc.dictionary(
          fc.string({ minLength: 1, unit: 'binary' }),
          fc.string({ minLength: 1, maxLength: 8, unit: 'binary' }),
          { maxKeys: 3, noNullPrototype: true },
        ),
        reversed: fc.boolean(),
      }),
      secret: fc.option(fc.constantFrom(SECRET, OTHER_SECRET)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('setAdapter'),
      id: deviceId,
      adapter: fc.constantFrom('xovis', 'density'),
      options: fc.option(fc.constantFrom({}, { reversed: true }, { reversed: ['2', 'a "b", c', '\r'] })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteDevice'), id: deviceId }) },
) as fc.Arbitrary<TopologyCommand>;

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('createSpace'),
      fields: fc.record({
        name: label,
        externalId: fc.option(label),
        timeZone: fc.constantFrom('UTC', 'Europe/Vienna'),
        dailyReset: fc.option(fc.constant('04:00')),
        dailyResetCount: fc.constantFrom(0, 2),
        capacity: fc.option(fc.integer({ min: 0, max: 99 })),
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('createDoorway'),
      fields: fc.record({ name: label, externalId: fc.option(label), ingressSpaceId: side, egressSpaceId: side }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('createDpu'),
      id: dpuId,
      doorwayId: side,
      effectiveMs: instant,
      counterModulus: fc.option(fc.constant(65_536), { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('placeDpu'), id: dpuId, doorwayId: side, effectiveMs: instant }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('excludeReadings'),
      dpuId,
      fromMs: fc.constantFrom(0, 1, NOW_MS),
      toMs: fc.constantFrom(1, 2, NOW_MS + 1_000),
      reason: fc.oneof(fc.constantFrom('the cleaning crew', 'x,y', 'a "door"'), label),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('deleteExclusion'), dpuId, id: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 4, arbitrary: deviceCommand },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('updateSpace'), id, fields: fc.record({ name: label }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteSpace'), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteDoorway'), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteDpu'), id: dpuId, effectiveMs: instant }) },
) as fc.Arbitrary<TopologyCommand>;

/** A topology after some commands, of which some are refused. */
async function topologyAfter(commands: readonly TopologyCommand[]): Promise<TopologyService> {
  const { topology } = memoryTopology(() => NOW_MS);
  for (const each of commands)
    await topology.execute(each, 'loopback').catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
    });
  return topology;
}

async function parsed(text: string, read: (typeof FORMATS)[number][2]): Promise<TopologyDocument> {
  const builder = new DocumentBuilder();
  await read(Readable.from([Buffer.from(text)]), builder);
  return builder.document;
}

const imported = (topology: TopologyService, document: TopologyDocument): Promise<ImportResult> =>
  importTopology(topology, document, {
    by: 'loopback',
    now: () => NOW_MS,
    timing: MACHINE_TIMING,
    onProgress: () => undefined,
  });

describe.each(FORMATS)('the topology as %s', (_, write, read) => {
  it('E3 imports again without a change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const topology = await topologyAfter(commands);
        const before = topology.history.seq;
        const result = await imported(topology, await parsed([...write(topology.history.latest())].join(''), read));
        expect(result.changes).toEqual([]);
        expect(topology.history.seq).toBe(before);
      }),
      { numRuns: 150 },
    );
  });

  it('E3 has no secret of a device, and an import of it keeps them', async () => {
    const secrets = (topology: TopologyService): unknown[] =>
      topology.history
        .latest()
        .devices()
        .map(({ id: device, secret }) => [device, secret]);
    let found = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 40 }),
        fc.array(deviceCommand, { maxLength: 20 }),
        async (some, others) => {
          const topology = await topologyAfter(some);
          const text = [...write(topology.history.latest())].join('');
          expect(text).not.toMatch(/a-salt|a-hash|another-salt|another-hash|secret/);
          const document = await parsed(text, read);
          // Of another service, where the devices may have other options, and secrets.
          const second = await topologyAfter(others);
          const before = new Map(
            second.history
              .latest()
              .devices()
              .map((device) => [device.id, device.secret]),
          );
          await imported(second, document);
          for (const { id: device, adapter, options } of document.devices) {
            const after = second.history.latest().device(device);
            expect([after?.adapter, after?.options, after?.secret]).toEqual([adapter, options, before.get(device)]);
            if (before.get(device)) found += 1;
          }
          const own = secrets(topology);
          await imported(topology, document);
          expect(secrets(topology)).toEqual(own);
        },
      ),
      { numRuns: 600 },
    );
    expect(found).toBeGreaterThan(20);
  });

  it('E3 is the same after an import into an empty service, where it places each DPU alike', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const text = [...write((await topologyAfter(commands)).history.latest())].join('');
        const { topology } = memoryTopology(() => NOW_MS);
        await imported(topology, await parsed(text, read));
        const again = [...write(topology.history.latest())].join('');
        // A placement at no doorway that comes before all others is how things are anyway.
        const { topology: third } = memoryTopology(() => NOW_MS);
        await imported(third, await parsed(again, read));
        expect([...write(third.history.latest())].join('')).toBe(again);
        if (!hasLeadingNone(text)) expect(again).toBe(text);
      }),
      { numRuns: 150 },
    );
  });
});

const hasLeadingNone = (text: string): boolean =>
  /"placements":\[\{"doorway":null/.test(text) || /^dpu,,,,,,,,,(?:[^,"]*|"(?:[^"]|"")*"),[^,]*,,,,,,,$/m.test(text);

const placements = fc.uniqueArray(fc.tuple(side, fc.constantFrom(-1, 0, 1, NOW_MS, NOW_MS + 1_000)), {
  selector: ([, fromMs]) => fromMs,
  maxLength: 4,
});
const dpus = fc.uniqueArray(fc.tuple(dpuId, placements), { selector: ([dpu]) => dpu, maxLength: 4 });

const BUILDING: readonly TopologyCommand[] = [1, 2, 3, 4, 5].flatMap((n): TopologyCommand[] => [
  { kind: 'createSpace', fields: { name: `s${n}`, timeZone: 'UTC', dailyReset: null, capacity: null } },
  { kind: 'createDoorway', fields: { name: `d${n}`, ingressSpaceId: n as SpaceId, egressSpaceId: null } },
]);

/** The building, with these DPUs. */
function documentOf(
  placed: readonly (readonly [string, readonly (readonly [number | null, number])[]])[],
): TopologyDocument {
  const place = { line: 1, at: '' };
  return {
    spaces: [1, 2, 3, 4, 5].map((n) => ({ ...place, name: `s${n}` })),
    doorways: [1, 2, 3, 4, 5].map((n) => ({ ...place, name: `d${n}`, ingressSpace: `s${n}` })),
    dpus: placed.map(([dpu, records]) => ({
      ...place,
      id: dpu as DpuId,
      isDeclared: true,
      placements: records.map(([n, fromMs]) => ({ ...place, doorway: n === null ? null : `d${n}`, fromMs })),
    })),
    devices: [],
    exclusions: [],
    errors: [],
    errorsCount: 0,
    unreadable: new Set(),
  };
}

describe('an import', () => {
  it('E3 registers what single calls register', async () => {
    await fc.assert(
      fc.asyncProperty(dpus, async (placed) => {
        const [single, whole] = [await topologyAfter(BUILDING), memoryTopology(() => NOW_MS).topology];
        for (const [dpu, records] of placed) {
          await single.execute({ kind: 'createDpu', id: dpu as DpuId, doorwayId: null }, 'loopback');
          for (const [doorway, effectiveMs] of [...records].sort(([, a], [, b]) => a - b))
            await single.execute(
              {
                kind: 'placeDpu',
                id: dpu as DpuId,
                doorwayId: doorway as DoorwayId | null,
                effectiveMs,
              },
              'loopback',
            );
        }
        await imported(whole, documentOf(placed));
        const view = whole.history.latest();
        expect(view.dpus()).toEqual(single.history.latest().dpus());
        expect(view.doorways()).toEqual(single.history.latest().doorways());
        expect(view.spaces()).toEqual(single.history.latest().spaces());
      }),
      { numRuns: 150 },
    );
  });

  it('E3 changes nothing the second time, whatever was registered and deleted before', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 20 }), dpus, async (commands, placed) => {
        const topology = await topologyAfter([...BUILDING, ...commands]);
        try {
          await imported(topology, documentOf(placed));
        } catch (error) {
          // A name that the document uses for something else is taken.
          if (error instanceof DocumentRefused) return;
          throw error;
        }
        runs += 1;
        const { seq } = topology.history;
        expect((await imported(topology, documentOf(placed))).changes).toEqual([]);
        expect((await imported(topology, documentOf(placed))).changes).toEqual([]);
        expect(topology.history.seq).toBe(seq);
      }),
      { numRuns: 300 },
    );
    expect(runs).toBeGreaterThan(100);
  });
});

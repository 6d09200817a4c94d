// The limit on the options of a device: the same wherever they are set, and what is permitted survives export and import.
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { deviceBody, OPTIONS_BYTES_MAX } from '../../src/http/schemas/bodies.ts';
import { readCsvDocument } from '../../src/http/topology-document/csv-document.ts';
import { DocumentBuilder } from '../../src/http/topology-document/document-builder.ts';
import { exportCsv, exportJson } from '../../src/http/topology-document/export-document.ts';
import { readJsonDocument } from '../../src/http/topology-document/json-document.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { importTopology } from '../../src/topology/import-topology.ts';
import type { TopologyService } from '../../src/topology/topology-service.ts';
import { memoryTopology } from '../support/memory-topology.ts';

/** The longest id of a device. */
const ID = '"'.repeat(128) as DpuId;
const FORMATS = [
  ['JSON', exportJson, readJsonDocument],
  ['CSV', exportCsv, readCsvDocument],
] as const;
/** Which encodings count differently: escaped in JSON, doubled in CSV, of several bytes, half of a pair. */
const CHARACTERS = ['x', '"', '\\', ',', '\n', '\r', '\u0001', 'é', '漢', '😀', '\ud800'];

/** Options whose JSON has that many bytes. */
function optionsOf(bytes: number, character: string): Record<string, unknown> {
  const withKey = (key: string): Record<string, unknown> => ({
    ...{ kind: 'total', entrances: '$.in', line: '$.line' },
    lines: { [key]: 'a' },
  });
  const sizeOf = (key: string): number => Buffer.byteLength(JSON.stringify(withKey(key)));
  const each = sizeOf(character.repeat(2)) - sizeOf(character);
  const key = character.repeat(Math.floor((bytes - sizeOf('')) / each));
  return withKey(key + 'x'.repeat(bytes - sizeOf(key)));
}

async function imported(topology: TopologyService, text: string, read: (typeof FORMATS)[number][2]): Promise<object> {
  const builder = new DocumentBuilder();
  await read(Readable.from([Buffer.from(text)]), builder);
  return importTopology(topology, builder.document, {
    by: 'loopback',
    now: () => 0,
    timing: MACHINE_TIMING,
    onProgress: () => undefined,
  });
}

async function topologyWith(options: Record<string, unknown>): Promise<TopologyService> {
  const { topology } = memoryTopology(() => 0);
  await topology.execute({ kind: 'setAdapter', id: ID, adapter: 'mapping', options }, 'loopback');
  return topology;
}

describe.each(FORMATS)('options in a document as %s', (_, write, read) => {
  it.each(CHARACTERS)('E3 may be as large as those that the API accepts, of %j', async (character) => {
    const options = optionsOf(OPTIONS_BYTES_MAX, character);
    expect(Buffer.byteLength(JSON.stringify(options))).toBe(OPTIONS_BYTES_MAX);
    expect(deviceBody.parse({ adapter: 'mapping', options }).options).toEqual(options);
    const text = [...write((await topologyWith(options)).history.latest())].join('');
    const { topology } = memoryTopology(() => 0);
    expect(await imported(topology, text, read)).toMatchObject({ devices: { created: 1 } });
    expect(topology.history.latest().device(ID)?.options).toEqual(options);
    expect([...write(topology.history.latest())].join('')).toBe(text);
  });

  it.each(CHARACTERS)('E3 may be no larger, as in the API, of %j', async (character) => {
    const options = optionsOf(OPTIONS_BYTES_MAX + 1, character);
    const detail = 'must have at most 90000 bytes as JSON in UTF-8';
    expect(deviceBody.safeParse({ adapter: 'mapping', options }).error?.issues).toMatchObject([
      { path: ['options'], message: detail },
    ]);
    const text = [...write((await topologyWith(options)).history.latest())].join('');
    const { topology } = memoryTopology(() => 0);
    await expect(imported(topology, text, read)).rejects.toMatchObject({
      errors: [{ line: expect.any(Number) as number, path: expect.stringMatching(/options$/) as string, detail }],
    });
  });
});

// A large topology document is read while the process does other work.
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readCsvDocument } from '../../src/http/topology-document/csv-document.ts';
import { DocumentBuilder } from '../../src/http/topology-document/document-builder.ts';
import { readJsonDocument } from '../../src/http/topology-document/json-document.ts';

const SPACES = 20_000;
const CHUNK_BYTES = 16 * 1024;
const names = Array.from({ length: SPACES }, (_, n) => `Room ${n}`);

it.each([
  ['CSV', readCsvDocument, ['kind,name', ...names.map((name) => `space,${name}`)].join('\n')],
  ['JSON', readJsonDocument, JSON.stringify({ spaces: names.map((name) => ({ name })) })],
] as const)('a %s document that has arrived as a whole is read in turns with other work', async (_, read, text) => {
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (__, n) =>
    bytes.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
  );
  const builder = new DocumentBuilder();
  let [turns, isRead] = [0, false];
  const countTurns = (): void => {
    turns += 1;
    if (!isRead) setImmediate(countTurns);
  };
  setImmediate(countTurns);
  await read(Readable.from(chunks), builder);
  isRead = true;
  expect(builder.document.spaces).toHaveLength(SPACES);
  // Reading takes 100 ms or more, and yields every few milliseconds.
  expect(turns).toBeGreaterThan(4);
});

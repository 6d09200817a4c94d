// `density adapt`: shows the readings that an adapter derives from one payload of a device, as lines of JSON that
// `POST /readings/batch` accepts. It contacts no server.
import { readFileSync } from 'node:fs';
import type { Remark } from '../adapters/adapter.ts';
import { ADAPTERS } from '../adapters/adapters.ts';
import { readingBodyOf } from '../adapters/reading-body.ts';
import type { PrintLine } from './print-line.ts';

export interface AdaptOptions {
  readonly device?: string;
  readonly contentType?: string;
  readonly topic?: string;
  /** The options of the adapter for this device, as JSON. */
  readonly options?: string;
}

const STDIN_FD = 0;

/**
 * @param file `-` for standard input
 * @returns 0; 2 if a part of the payload cannot be read
 * @throws Error that names the invalid adapter or option
 */
export function adaptCommand(
  name: string,
  file: string,
  { device, contentType, topic, options = '{}' }: AdaptOptions,
  printLine: PrintLine,
  warn: PrintLine,
): number {
  const adapter = ADAPTERS.get(name);
  if (!adapter) throw new Error(`there is no adapter ${name}; there are ${[...ADAPTERS.keys()].join(', ')}`);
  const configured = adapter.configure(parseOptions(options));
  if (!configured.ok)
    throw new Error(configured.problems.map(({ path, detail }) => `--options: ${path} ${detail}`).join('; '));
  const payload = readFileSync(file === '-' ? STDIN_FD : file);
  const { readings, rejected, skipped } = configured.adapt(payload, {
    arrivalMs: Date.now(),
    ...(device === undefined ? {} : { device }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(topic === undefined ? {} : { topic }),
  });
  for (const reading of readings) printLine(JSON.stringify(readingBodyOf(reading)));
  for (const remark of skipped) warn(`skipped: ${describe(remark)}`);
  for (const remark of rejected) warn(`cannot be read: ${describe(remark)}`);
  return rejected.length === 0 ? 0 : 2;
}

function parseOptions(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('--options must be JSON', { cause: error });
  }
}

function describe({ path, detail }: Remark): string {
  return path === undefined ? detail : `${path}: ${detail}`;
}

// `density adapt`: shows the readings that an adapter makes of one payload of a device, as lines of JSON that
// `POST /readings/batch` takes. It contacts no server.
import { readFileSync } from 'node:fs';
import type { AdaptedReading, Remark } from '../adapters/adapter.ts';
import { ADAPTERS } from '../adapters/adapters.ts';
import { revisionOf } from '../adapters/corrections.ts';
import { formatInstant } from '../domain/instant.ts';

export interface AdaptOptions {
  readonly device: string;
  readonly contentType?: string;
  readonly topic?: string;
  /** JSON: the options of the adapter for this device. */
  readonly options?: string;
}

const STDIN_FD = 0;

/**
 * @param file `-` for standard input
 * @returns 0; 2 if a part of the payload cannot be read
 * @throws Error that names the adapter, or the option, at fault
 */
export function adaptCommand(
  name: string,
  file: string,
  { device, contentType, topic, options = '{}' }: AdaptOptions,
  say: (line: string) => void,
  warn: (line: string) => void,
): number {
  const adapter = ADAPTERS.get(name);
  if (!adapter) throw new Error(`there is no adapter ${name}; there are ${[...ADAPTERS.keys()].join(', ')}`);
  const configured = adapter.configure(parseOptions(options));
  if (!configured.ok)
    throw new Error(configured.problems.map(({ path, detail }) => `--options: ${path} ${detail}`).join('; '));
  const payload = readFileSync(file === '-' ? STDIN_FD : file);
  const { readings, rejected, skipped } = configured.adapt(payload, {
    device,
    arrivalMs: Date.now(),
    ...(contentType === undefined ? {} : { contentType }),
    ...(topic === undefined ? {} : { topic }),
  });
  for (const reading of readings) say(JSON.stringify(messageOf(reading)));
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

function messageOf({ dpuId, reading }: AdaptedReading): object {
  const { timestampMs, id } = reading;
  return {
    dpu_id: dpuId,
    ...(timestampMs === null ? {} : { timestamp: formatInstant(timestampMs) }),
    ...passedIn(reading),
    ...(id === undefined ? {} : { id }),
  };
}

function passedIn(reading: AdaptedReading['reading']): object {
  if ('direction' in reading) return { direction: reading.direction };
  if ('entrances' in reading) {
    const { entrances, exits, startMs } = reading;
    const revision = revisionOf(reading);
    return {
      entrances,
      exits,
      ...(startMs === undefined ? {} : { start: formatInstant(startMs) }),
      ...(revision === undefined ? {} : { revision }),
    };
  }
  const { totalEntrances, totalExits, counterEpoch } = reading;
  const totals = { total_entrances: totalEntrances, total_exits: totalExits };
  return counterEpoch === undefined ? totals : { ...totals, counter_epoch: counterEpoch };
}

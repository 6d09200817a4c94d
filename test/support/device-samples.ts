// The payloads in test/data/devices as messages, and the resulting readings in short form.
import { readdirSync, readFileSync } from 'node:fs';
import type { AdaptedPayload, AdaptedReading, CounterStanding, PayloadContext } from '../../src/adapters/adapter.ts';
import { ADAPTERS } from '../../src/adapters/adapters.ts';

const FOLDER = new URL('../data/devices/', import.meta.url);

export interface Message {
  readonly payload: Uint8Array;
  readonly context?: Partial<PayloadContext>;
}

/** The messages of one sample, such as `xovis-datapush5/sample-1.json`. */
export function messagesOf(sample: string): readonly Message[] {
  const bytes = readFileSync(new URL(sample, FOLDER));
  if (sample.endsWith('.http')) return [ofRequest(bytes)];
  if (!sample.endsWith('.jsonl')) return [{ payload: bytes }];
  const lines = bytes.toString('utf8').trim().split('\n');
  return sample.includes('-mqtt/') ? lines.map(ofPublication) : lines.map((line) => ({ payload: Buffer.from(line) }));
}

export function allSamples(): readonly string[] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('sample-'));
}

function ofRequest(request: Buffer): Message {
  const end = request.indexOf('\r\n\r\n');
  const [, contentType = ''] = /^content-type: *(.*)$/im.exec(request.subarray(0, end).toString('latin1')) ?? [];
  return { payload: request.subarray(end + 4), context: { contentType: contentType.trim() } };
}

function ofPublication(line: string): Message {
  const { topic, payload, retain, received_at } = JSON.parse(line) as Record<string, string | boolean | undefined>;
  return {
    payload: Buffer.from(String(payload)),
    context: {
      topic: String(topic),
      retained: retain === true,
      ...(received_at === undefined ? {} : { arrivalMs: Date.parse(String(received_at)) }),
    },
  };
}

/**
 * Runs messages of one device through an adapter, in order, with its memory.
 * @param transport the device that the transport names, where the payload names none
 */
export function adaptAll(
  name: string,
  options: unknown,
  messages: readonly Message[],
  transport = 'device',
): readonly AdaptedPayload[] {
  const configured = ADAPTERS.get(name)?.configure(options);
  if (!configured?.ok) throw new Error(`${name}: ${JSON.stringify(configured?.problems ?? 'no such adapter')}`);
  let memory: string | undefined;
  return messages.map(({ payload, context }) => {
    const given = {
      arrivalMs: Date.parse('2026-11-26T00:00:00Z'),
      ...(memory === undefined ? {} : { memory }),
      ...context,
    };
    const own = configured.adapt(payload, given);
    const isNamed = !own.rejected.some(({ detail }) => detail === 'names no device');
    const adapted = isNamed ? own : configured.adapt(payload, { ...given, device: transport });
    memory = adapted.memory ?? memory;
    return withArrival(adapted, context?.arrivalMs);
  });
}

/** Readings without a time get their arrival time, as when they are stored. */
function withArrival(adapted: AdaptedPayload, arrivalMs: number | undefined): AdaptedPayload {
  if (arrivalMs === undefined) return adapted;
  return {
    ...adapted,
    readings: adapted.readings.map((one) => ({
      ...one,
      reading: { ...one.reading, timestampMs: one.reading.timestampMs ?? arrivalMs },
    })),
  };
}

/** A payload of one JSON document. */
export function json(document: unknown): Message {
  return { payload: Buffer.from(JSON.stringify(document)) };
}

/**
 * The counts of readings: `dpu  end  in/out`, or `dpu  start  end  in/out` for an interval with a start. Standings count by their
 * difference from the one before: the first is a baseline, a smaller one a restart unless it is a wrap at `modulus`.
 */
export function counted(payloads: readonly AdaptedPayload[], modulus?: number): readonly string[] {
  const standings = new Map<string, CounterStanding>();
  return payloads.flatMap(({ readings }) => readings).map((adapted) => shown(adapted, standings, modulus));
}

function shown(
  { dpuId, reading }: AdaptedReading,
  standings: Map<string, CounterStanding>,
  modulus: number | undefined,
): string {
  const end = instant(reading.timestampMs);
  if ('direction' in reading) return `${dpuId}  ${end}  ${reading.direction === 1 ? '1/0' : '0/1'}`;
  if ('entrances' in reading) {
    const start = reading.startMs === undefined ? '' : `${instant(reading.startMs)}  `;
    return `${dpuId}  ${start}${end}  ${reading.entrances}/${reading.exits}`;
  }
  const before = standings.get(dpuId);
  standings.set(dpuId, reading);
  if (!before) return `${dpuId}  ${end}  baseline ${reading.totalEntrances}/${reading.totalExits}`;
  const pairs = [
    [before.totalEntrances, reading.totalEntrances],
    [before.totalExits, reading.totalExits],
  ] as const;
  const differences = pairs.map(([a, b]) => (modulus === undefined || b >= a ? b - a : (b - a + modulus) % modulus));
  const isRestart =
    before.counterEpoch !== reading.counterEpoch ||
    differences.some(
      (difference, index) =>
        difference < 0 || (modulus !== undefined && isFall(pairs[index]) && difference >= modulus / 2),
    );
  const [entrances, exits] = isRestart ? [reading.totalEntrances, reading.totalExits] : differences;
  return `${dpuId}  ${end}  ${entrances}/${exits}`;
}

function isFall(pair: readonly [number, number] | undefined): boolean {
  return pair !== undefined && pair[1] < pair[0];
}

function instant(ms: number | null): string {
  return ms === null ? 'arrival' : new Date(ms).toISOString().replace('.000Z', 'Z');
}

// nats-server acknowledges an MQTT message once it has it in a stream of its own; READINGS takes the same message in passing, and does
// not get to it when the server ends at that moment. So what was acknowledged is looked for in READINGS, and put there if it is missing.
//
// Invariants (actors/SPEC.md, A2):
// - A message is released only once READINGS was seen to have it, or has acknowledged it.
// - One that is put there although it was there is a duplicate, and changes no count. So it may always be put there.
import type { Logger } from 'pino';
import type { DpuId } from '../domain/ids.ts';
import type {
  AcknowledgedMessage,
  AcknowledgedMessages,
  StoredMessage,
  StoredMessages,
} from '../ports/readings-log.ts';
import type { Timing } from '../runtime/timing.ts';

export interface KeepOptions {
  readonly acknowledged: AcknowledgedMessages;
  readonly readings: StoredMessages;
  readonly timing: Timing;
  readonly log: Logger;
  readonly onRestored: (messages: number) => void;
}

/** READINGS stores what it takes in passing within that time, unless it never does. */
const SETTLING_MS = 1_000;
/** READINGS may have had it before the other stream, when that was busy. */
const STORED_BEFORE_MS = 2_000;
/** And no later than that. */
const STORED_AFTER_MS = 60_000;
const APPENDS_IN_FLIGHT_MAX = 200;

/** Runs until the signal aborts. @throws when a stream cannot be reached; what was not released comes again */
export async function keepAcknowledged(options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { acknowledged, timing } = options;
  while (!signal.aborted) {
    const messages = await acknowledged.next(signal);
    if (messages.length === 0) continue;
    await timing.pause(SETTLING_MS, signal);
    if (!signal.aborted) await keep(messages, options);
  }
}

async function keep(
  messages: readonly AcknowledgedMessage[],
  { readings, log, onRestored }: KeepOptions,
): Promise<void> {
  const missing = await missingOf(messages, readings);
  for (let at = 0; at < missing.length; at += APPENDS_IN_FLIGHT_MAX) {
    await Promise.all(
      missing.slice(at, at + APPENDS_IN_FLIGHT_MAX).map(({ dpuId, data }) => readings.append(dpuId, data)),
    );
  }
  for (const message of messages) message.release();
  if (missing.length === 0) return;
  onRestored(missing.length);
  log.warn(
    { messages: missing.length, of: messages.length },
    'READINGS was without messages that MQTT had acknowledged; it has them now',
  );
}

/** Two messages of a DPU with the same bytes say the same: one that is stored is enough. */
async function missingOf(
  messages: readonly AcknowledgedMessage[],
  readings: StoredMessages,
): Promise<AcknowledgedMessage[]> {
  const missing = new Map<DpuId, Map<string, AcknowledgedMessage>>();
  let [oldestMs, newestMs] = [Infinity, -Infinity];
  for (const message of messages) {
    const ofDpu = missing.get(message.dpuId) ?? new Map<string, AcknowledgedMessage>();
    missing.set(message.dpuId, ofDpu.set(bytesOf(message), message));
    [oldestMs, newestMs] = [Math.min(oldestMs, message.storedMs), Math.max(newestMs, message.storedMs)];
  }
  for await (const stored of readings.storedBetween(oldestMs - STORED_BEFORE_MS, newestMs + STORED_AFTER_MS)) {
    const ofDpu = missing.get(stored.dpuId);
    if (ofDpu?.delete(bytesOf(stored)) && ofDpu.size === 0) missing.delete(stored.dpuId);
    if (missing.size === 0) break;
  }
  return [...missing.values()].flatMap((ofDpu) => [...ofDpu.values()]);
}

function bytesOf({ data }: StoredMessage): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}

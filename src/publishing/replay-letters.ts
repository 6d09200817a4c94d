// Replays dead letters: appends their content to READINGS, as if the DPU had just sent it.
//
// Invariants (actors/SPEC.md, D2):
// - A letter is replayed in one way only. How is recorded before anything is appended, so it counts once whoever replays
//   it, however often, with whatever shift, and wherever a process dies. For a payload the record identifies the readings
//   themselves, because an upgrade may read the payload differently with the same options.
// - Repeating a replay appends the same readings, which are duplicates then. A reading without a timestamp gets one, and
//   an id, from its letter, because its place in READINGS would be another each time.
// - Only what the router will accept is appended; the rest would become a second letter.
// - A payload in a format of the device's own is read here, and its readings are appended (payload-letters.ts). To append the
//   payload would count its readings without a timestamp again.
import type { Remark } from '../adapters/adapter.ts';
import { isPayload } from '../adapters/payload.ts';
import { dpuOfToken } from '../domain/ids.ts';
import { startOf } from '../domain/measure.ts';
import { parseReading, type ParsedReading, type SentReading } from '../domain/parse-reading.ts';
import { kindOf } from '../domain/topic.ts';
import {
  letterIdOf,
  type DeadLetter,
  type DeadLetters,
  type KeptLetter,
  type LetterSelection,
  type RecordedReplay,
  type Replay,
  type ReplayKey,
} from '../ports/dead-letters.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import { adapterOf, payloadItems, type PayloadItems, type PayloadTopology } from './payload-letters.ts';
import { acceptedUpTo, appendReadings, type RetryOptions } from './append-readings.ts';
import type { TimestampBound } from './timestamp-bound.ts';

const SKIPPED_SHOWN_MAX = 100;
/** Letters are replayed in groups of about this many readings. */
const GROUP_READINGS = 5_000;
const OTHERWISE = 'with other options of the device or by another version of the service';
const decoder = new TextDecoder('utf-8', { fatal: true });

export interface ReplayDeps {
  readonly deadLetters: Pick<DeadLetters, 'letters' | 'recordReplay'>;
  readonly log: Pick<ReadingsLog, 'append'>;
  readonly topology: PayloadTopology;
  readonly bound: TimestampBound;
  readonly now: () => number;
  readonly retry?: RetryOptions;
}

export interface ReplayRequest extends LetterSelection, Replay {
  /** The DPU named by the subject of a letter, or the text in its place. */
  readonly sentBy?: string | undefined;
  /** Only reports what would be done. */
  readonly isDryRun: boolean;
}

/** Items of a letter that were not replayed. */
export interface SkippedItems {
  readonly letterId: string;
  readonly items: number;
  /** Why the first of them was not replayed. */
  readonly detail: string;
}

export interface ReplayResult {
  /** The number of selected letters. */
  readonly letters: number;
  /** Appended readings, including those of an earlier replay, which are duplicates. */
  readonly readings: number;
  /** The first skipped items. */
  readonly skipped: readonly SkippedItems[];
  readonly skippedItems: number;
}

/**
 * @throws the log's error; if the replay is repeated, readings that were already appended are duplicates
 */
export async function replayLetters(request: ReplayRequest, deps: ReplayDeps): Promise<ReplayResult> {
  const { deadLetters, log, bound, now, retry } = deps;
  const { shiftMs, dpuId, isDryRun } = request;
  const latestMs = bound.at(now());
  const result = { letters: 0, readings: 0, skipped: [] as SkippedItems[], skippedItems: 0 };
  const skip = (letter: DeadLetter, items: number, detail: string): void => {
    result.skippedItems += items;
    if (result.skipped.length < SKIPPED_SHOWN_MAX) result.skipped.push({ letterId: letterIdOf(letter), items, detail });
  };
  let group: SentReading[] = [];
  const append = async (): Promise<void> => {
    if (!isDryRun) await appendReadings(acceptedUpTo(log, bound, latestMs), group, retry);
    group = [];
  };
  /** Payloads whose letters stand for the same readings, which are appended once. */
  const shared = new Set<string>();
  for await (const letter of deadLetters.letters(request)) {
    if (request.sentBy !== undefined && senderOf(letter) !== request.sentBy) continue;
    result.letters += 1;
    const items = await itemsIn(letter, deps);
    const { readings, rejected } = readingsIn(letter, items, request, { latestMs, earliestMs: bound.earliestMs });
    if (readings.length > 0 && typeof items !== 'string' && !isDryRun) {
      const conflict = await recordReplays(letter, items, { shiftMs, dpuId, atMs: now() }, deadLetters);
      if (conflict !== undefined) {
        skip(letter, letter.items, conflict);
        continue;
      }
    }
    if (readings.length > 0 && typeof items !== 'string' && items.payload?.isShared) {
      const key = letterIdOf(payloadKeyOf(letter));
      if (shared.has(key)) continue;
      shared.add(key);
    }
    if (rejected) skip(letter, rejected.items, rejected.detail);
    result.readings += readings.length;
    group.push(...readings);
    if (group.length >= GROUP_READINGS) await append();
  }
  await append();
  return result;
}

/** The DPU named by a letter's subject, or the text in its place. */
export function senderOf({ subject }: Pick<KeptLetter, 'subject'>): string {
  const token = subject.split('.')[2] ?? '';
  return dpuOfToken(token) ?? token;
}

interface Found {
  readonly readings: readonly SentReading[];
  readonly rejected?: { readonly items: number; readonly detail: string };
}

interface Items {
  readonly values: readonly unknown[];
  /** Present if the letter is of a payload. */
  readonly payload?: PayloadItems;
}

/**
 * Records how a letter is replayed and, before that, how its payload is read.
 * @returns why it cannot be replayed in this way
 */
async function recordReplays(
  letter: DeadLetter,
  { payload }: Items,
  replay: RecordedReplay,
  deadLetters: ReplayDeps['deadLetters'],
): Promise<string | undefined> {
  if (payload) {
    const readAs = payload.payloadReadAs;
    // Letters that stand for items of their own may have different shifts.
    const whole = payload.isShared ? { ...replay, readAs } : { ...replay, readAs, shiftMs: 0, dpuId: null };
    const recorded = await deadLetters.recordReplay(payloadKeyOf(letter), whole);
    if (recorded.readAs !== readAs) return `a part of its payload was replayed before, ${OTHERWISE}`;
    if (!isSame(recorded, whole)) return `its payload was replayed before, with ${inWords(recorded)}`;
  }
  const own = payload ? { ...replay, readAs: payload.readAs } : replay;
  const recorded = await deadLetters.recordReplay(letter, own);
  if (isSame(recorded, own)) return undefined;
  const reading = recorded.readAs === own.readAs ? '' : `, and ${OTHERWISE}`;
  return `it was replayed before, with ${inWords(recorded)}${reading}`;
}

function isSame(recorded: RecordedReplay, { shiftMs, dpuId, readAs }: RecordedReplay): boolean {
  return recorded.shiftMs === shiftMs && recorded.dpuId === dpuId && recorded.readAs === readAs;
}

function payloadKeyOf({ readingsSeq, arrivedMs }: DeadLetter): ReplayKey {
  return { reason: 'payload', readingsSeq, arrivedMs, index: 0 };
}

/** @returns the items of a letter, or why they cannot be determined */
async function itemsIn(letter: DeadLetter, { topology, bound }: ReplayDeps): Promise<Items | string> {
  if (isPayload(letter)) {
    const payload = await payloadItems(letter, topology, bound);
    return typeof payload === 'string' ? payload : { values: payload.values, payload };
  }
  if (kindOf(letter.subject.split('.').slice(3)) === 'heartbeat') return 'a heartbeat is no reading';
  const values = valuesIn(letter);
  return typeof values === 'string' ? values : { values };
}

/** The readings of a letter that are accepted now, and why the others are not. */
function readingsIn(
  letter: DeadLetter,
  found: Items | string,
  { shiftMs, dpuId }: Replay,
  bounds: { readonly latestMs: number; readonly earliestMs: number },
): Found {
  const reject = (detail: string): Found => ({ readings: [], rejected: { items: letter.items, detail } });
  if (typeof found === 'string') return reject(found);
  const { values, payload } = found;
  if (dpuId !== null && payload && dpusOf(values).size > 1)
    return reject('its readings are of several DPUs, and cannot become those of a single one');
  const [, , token] = letter.subject.split('.');
  const sender = dpuId ?? dpuOfToken(token);
  const context = { ...bounds, shiftMs, ...(sender === undefined ? {} : { dpuId: sender }) };
  const readings: SentReading[] = [];
  const { unreadable = [], isShared = false } = payload ?? {};
  const [remark] = unreadable;
  const name = `replay_${letter.readingsSeq}_${isShared ? 'payload' : letter.index}`;
  let [items, detail] = [unreadable.length, remark ? remarkOn(letter, remark) : ''];
  for (const [position, value] of values.entries()) {
    const parsed = parseReading(dpuId === null ? value : withoutDpu(value), context);
    const timed = parsed.ok ? withTimestamp(parsed.reading, letter, `${name}_${position}`) : parsed;
    if (timed.ok) readings.push(timed.reading);
    else if (items++ === 0) detail = timed.rejection.detail;
  }
  return { readings, ...(items === 0 ? {} : { rejected: { items, detail } }) };
}

function remarkOn({ subject }: DeadLetter, { path, detail }: Remark): string {
  const what = path === undefined ? detail : `${path}: ${detail}`;
  return `${adapterOf(subject)} cannot read it with the options that the device has now: ${what}`;
}

function dpusOf(values: readonly unknown[]): Set<unknown> {
  return new Set(values.map((value) => (value as { dpu_id?: unknown }).dpu_id));
}

/** The items as JSON values, or the reason why there are none. */
function valuesIn({ raw, items, isCut }: DeadLetter): readonly unknown[] | string {
  if (isCut) return 'the letter holds only a part of what was sent';
  try {
    // Firmware written in C may include the terminating NUL of the string.
    const value = JSON.parse(decoder.decode(raw).replace(/\0+$/, '')) as unknown;
    return items === 1 ? [value] : (value as readonly unknown[]);
  } catch {
    return 'not JSON in UTF-8';
  }
}

function withoutDpu(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([field]) => field !== 'dpu_id'));
}

/** @param name tells it from the other readings that arrived without a timestamp */
function withTimestamp(reading: SentReading, { arrivedMs: timestampMs }: DeadLetter, name: string): ParsedReading {
  if (reading.timestampMs !== null) return { ok: true, reading };
  if ((startOf(reading.measure) ?? 0) > timestampMs)
    return {
      ok: false,
      rejection: { reason: 'bad_timestamp', field: 'start', detail: 'start must not be later than the arrival' },
    };
  return { ok: true, reading: { ...reading, timestampMs, name: reading.name ?? name } };
}

function inWords({ shiftMs, dpuId }: RecordedReplay): string {
  return `a shift of ${shiftMs} ms${dpuId === null ? '' : ` as DPU ${dpuId}`}`;
}

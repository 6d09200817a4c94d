// Replays dead letters: appends their content to READINGS, as if the DPU had just sent it.
//
// Invariants (actors/SPEC.md, D2):
// - A letter is replayed in one way only. How is recorded before anything is appended, so it counts once whoever replays
//   it, however often, with whatever shift, and wherever a process dies.
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
} from '../ports/dead-letters.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import { adapterOf, payloadItems, type PayloadItems, type PayloadTopology } from './payload-letters.ts';
import { acceptedUpTo, appendReadings, type RetryOptions } from './append-readings.ts';
import type { TimestampBound } from './timestamp-bound.ts';

const SKIPPED_SHOWN_MAX = 100;
/** Letters are replayed in groups of about this many readings. */
const GROUP_READINGS = 5_000;
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
  for await (const letter of deadLetters.letters(request)) {
    if (request.sentBy !== undefined && senderOf(letter) !== request.sentBy) continue;
    result.letters += 1;
    const items = await itemsIn(letter, deps);
    const { readings, rejected, readAs } = readingsIn(letter, items, request, {
      latestMs,
      earliestMs: bound.earliestMs,
    });
    if (readings.length > 0) {
      const replay = { shiftMs, dpuId, atMs: now(), ...(readAs === undefined ? {} : { readAs }) };
      const recorded = isDryRun ? replay : await deadLetters.recordReplay(letter, replay);
      if (recorded.shiftMs !== shiftMs || recorded.dpuId !== dpuId || recorded.readAs !== readAs) {
        skip(letter, letter.items, `it was replayed before, with ${inWords(recorded, readAs)}`);
        continue;
      }
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
  /** See `RecordedReplay`. */
  readonly readAs?: string | undefined;
}

interface Items extends Omit<PayloadItems, 'values'> {
  readonly values: readonly unknown[];
}

/** @returns the items of a letter, or why they cannot be determined */
async function itemsIn(letter: DeadLetter, { topology, bound }: ReplayDeps): Promise<Items | string> {
  if (isPayload(letter)) return payloadItems(letter, topology, bound);
  if (kindOf(letter.subject.split('.').slice(3)) === 'heartbeat') return 'a heartbeat is no reading';
  const values = valuesIn(letter);
  return typeof values === 'string' ? values : { values, unreadable: [] };
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
  const { values, unreadable, readAs } = found;
  if (dpuId !== null && isPayload(letter) && dpusOf(values).size > 1)
    return reject('its readings are of several DPUs, and cannot become those of a single one');
  const [, , token] = letter.subject.split('.');
  const sender = dpuId ?? dpuOfToken(token);
  const context = { ...bounds, shiftMs, ...(sender === undefined ? {} : { dpuId: sender }) };
  const readings: SentReading[] = [];
  const [remark] = unreadable;
  let [items, detail] = [unreadable.length, remark ? remarkOn(letter, remark) : ''];
  for (const [position, value] of values.entries()) {
    const parsed = parseReading(dpuId === null ? value : withoutDpu(value), context);
    const timed = parsed.ok ? withTimestamp(parsed.reading, letter, position) : parsed;
    if (timed.ok) readings.push(timed.reading);
    else if (items++ === 0) detail = timed.rejection.detail;
  }
  return { readings, readAs, ...(items === 0 ? {} : { rejected: { items, detail } }) };
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

function withTimestamp(reading: SentReading, letter: DeadLetter, position: number): ParsedReading {
  if (reading.timestampMs !== null) return { ok: true, reading };
  const { arrivedMs: timestampMs, readingsSeq, index } = letter;
  if ((startOf(reading.measure) ?? 0) > timestampMs)
    return {
      ok: false,
      rejection: { reason: 'bad_timestamp', field: 'start', detail: 'start must not be later than the arrival' },
    };
  const name = reading.name ?? `replay_${readingsSeq}_${index}_${position}`;
  return { ok: true, reading: { ...reading, timestampMs, name } };
}

function inWords({ shiftMs, dpuId, readAs }: RecordedReplay, readAsNow: string | undefined): string {
  const options = readAs === readAsNow ? '' : ', and with other options of the device';
  return `a shift of ${shiftMs} ms${dpuId === null ? '' : ` as DPU ${dpuId}`}${options}`;
}

// Replays dead letters: appends their content to READINGS, as if the DPU had just sent it.
//
// Invariants (actors/SPEC.md, D2):
// - A letter is replayed in one way only. The way is recorded before anything is appended, so its readings count
//   once, no matter who replays it, how often, with what shift, and where a process dies.
// - Repeating a replay appends the same readings, which are then duplicates. A reading without a timestamp gets one,
//   and an id, from its letter, because otherwise its sequence in READINGS would make it a different reading each
//   time.
// - Only items that the router will accept are appended; the others would only produce another letter.
import { dpuOfToken, type DpuId } from '../domain/ids.ts';
import { startOf } from '../domain/measure.ts';
import { parseReading, type ParsedReading, type SentReading } from '../domain/parse-reading.ts';
import { kindOf } from '../domain/topic.ts';
import {
  letterIdOf,
  type DeadLetter,
  type DeadLetters,
  type KeptLetter,
  type LetterSelection,
  type Replay,
} from '../ports/dead-letters.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import { acceptedUpTo, appendReadings, type RetryOptions } from './append-readings.ts';
import type { TimestampBound } from './timestamp-bound.ts';

const SKIPPED_SHOWN_MAX = 100;
/** Letters are replayed in groups of about this many readings. */
const GROUP_READINGS = 5_000;
const decoder = new TextDecoder('utf-8', { fatal: true });

export interface ReplayDeps {
  readonly deadLetters: Pick<DeadLetters, 'letters' | 'recordReplay'>;
  readonly log: Pick<ReadingsLog, 'append'>;
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
    const { readings, rejected } = readingsIn(letter, request, { latestMs, earliestMs: bound.earliestMs });
    if (readings.length > 0) {
      const replay = { shiftMs, dpuId, atMs: now() };
      const recorded = isDryRun ? replay : await deadLetters.recordReplay(letter, replay);
      if (recorded.shiftMs !== shiftMs || recorded.dpuId !== dpuId) {
        skip(letter, letter.items, `it was replayed before, with ${describeReplay(recorded)}`);
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
}

/** The readings of a letter that are accepted now, and why the others are not. */
function readingsIn(
  letter: DeadLetter,
  { shiftMs, dpuId }: Replay,
  bounds: { readonly latestMs: number; readonly earliestMs: number },
): Found {
  const [, , token, ...levels] = letter.subject.split('.');
  const sender = dpuId ?? dpuOfToken(token);
  const context = { ...bounds, shiftMs, ...(sender === undefined ? {} : { dpuId: sender }) };
  const values =
    letter.reason === 'bad_payload'
      ? "a payload in the device's own format: send it to POST /ingest/{adapter} again"
      : kindOf(levels) === 'heartbeat'
        ? 'a heartbeat is not a reading'
        : valuesIn(letter);
  if (typeof values === 'string') return { readings: [], rejected: { items: letter.items, detail: values } };
  const readings: SentReading[] = [];
  let [items, detail] = [0, ''];
  for (const [position, value] of values.entries()) {
    const parsed = parseReading(dpuId === null ? value : withoutDpu(value), context);
    const timed = parsed.ok ? withTimestamp(parsed.reading, letter, position) : parsed;
    if (timed.ok) readings.push(timed.reading);
    else if (items++ === 0) detail = timed.rejection.detail;
  }
  return items === 0 ? { readings } : { readings, rejected: { items, detail } };
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

function describeReplay({ shiftMs, dpuId }: { readonly shiftMs: number; readonly dpuId: DpuId | null }): string {
  return `a shift of ${shiftMs} ms${dpuId === null ? '' : ` as DPU ${dpuId}`}`;
}

// Deliberate bugs in dry runs.
import { mutant, type Mutant } from './mutant.ts';

export const DRY_RUN_MUTANTS: readonly Mutant[] = [
  mutant(
    'a dry run counts by differences from the live count',
    'unstored: [...report.unstored, ...events], isSettled: false, lastReadingMs: null,',
    'unstored: [...report.unstored, ...events],\n    lastReadingMs: null,',
  ),
  mutant(
    'a dry run keeps the newest reading',
    'unstored: [...report.unstored, ...events], isSettled: false, lastReadingMs: null,',
    'unstored: [...report.unstored, ...events],\n    isSettled: false,',
  ),
  mutant(
    'a dry run retracts nothing',
    'for (const event of before) addTo(events, event.spaceId, { ...event, sign: -1 });',
    'for (const event of before.slice(9)) addTo(events, event.spaceId, { ...event, sign: -1 });',
  ),
  mutant(
    'a dry run does not look at held and excluded readings',
    'const spaces = [NOWHERE, ...possible];',
    'const spaces = [...possible];',
  ),
  mutant(
    'a dry run of a new modulus leaves the differences as they are',
    'if (modulusOf(before, reading.dpuId) !== modulusOf(after, reading.dpuId)) return true;',
    '',
  ),
  mutant(
    'a dry run ignores the resets of the change',
    'countAt(supposed, after, nowMs, history), intervalsOf(report, before, bounds, history), intervalsOf(supposed, after, bounds, history),',
    'countAt(supposed, before, nowMs, history),\n    intervalsOf(report, before, bounds, history),\n    intervalsOf(supposed, before, bounds, history),',
  ),
  mutant(
    'a dry run lists no space that only a reset changes',
    'if (differingResets(scheduleIn(before, spaceId), scheduleIn(after, spaceId), nowMs)) spaces.add(spaceId);',
    'if (spaces.size < 0) spaces.add(spaceId);',
  ),
  mutant(
    'a dry run ends at the next reset, even if the change is about that one',
    'const lastMs = Math.max(resets?.lastMs ?? 0, (greatest(times) ?? 0) - 1);',
    'const lastMs = Math.max(0, (greatest(times) ?? fromMs) - 1);',
  ),
  mutant(
    'a dry run ends with the last reading that it corrects',
    'Math.min(nextResetAfter(after, lastMs), nowMs + 1)',
    'Math.min(lastMs + 2, nowMs + 1)',
  ),
  mutant(
    'a dry run counts a reading through another doorway of the space twice',
    'return events.filter((event) => sums.get(keyOf(event)) !== 0);',
    'return events.filter((event) => sums.get(keyOf(event)) !== 0 || event.sign > 0);',
  ),
  mutant(
    'a dry run of a deletion leaves the next standing as it is',
    'return key !== undefined && altered.series.has(key) && isKnown;',
    'return key !== undefined && altered.series.has(key) && false;',
  ),
  mutant(
    'a dry run of a deletion recomputes the standing before',
    'const isKnown = reading.timestampMs < altered.toMs && isWithin(reading, change);',
    'const isKnown = reading.timestampMs < altered.toMs;',
  ),
  mutant(
    'a dry run of a deletion recomputes standings whose predecessor it does not know',
    'const isKnown = reading.timestampMs < altered.toMs && isWithin(reading, change);',
    'const isKnown = isWithin(reading, change);',
    'test/unit/corrections.test.ts',
  ),
  mutant(
    'a dry run of a deletion takes a deleted standing for the one before',
    'if (beyond.some((other) => other.timestampMs === nextMs && !isDeleted(other))) return nextMs;',
    'return nextMs;',
    'test/unit/claimed-span.test.ts',
  ),
];

// Reports of messages that READINGS does not return, as one.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mergedReports, type SeqRange, type UnreadableReport } from '../../src/recovery/unreadable-readings.ts';

const range = fc.tuple(fc.nat(40), fc.nat(5)).map(([fromSeq, more]): SeqRange => [fromSeq, fromSeq + more]);
const report: fc.Arbitrary<UnreadableReport> = fc.record({
  messages: fc.nat(),
  ranges: fc.array(range, { maxLength: 5 }),
  fromMs: fc.option(fc.nat()),
  toMs: fc.option(fc.nat()),
});

function seqsIn(ranges: readonly SeqRange[]): number[] {
  return ranges.flatMap(([fromSeq, toSeq]) => Array.from({ length: toSeq - fromSeq + 1 }, (_, n) => fromSeq + n));
}

it('L3 merged reports name each message of each report once, in order, in as few ranges as possible', () => {
  fc.assert(
    fc.property(fc.array(report, { minLength: 1, maxLength: 4 }), (reports) => {
      const merged = mergedReports(reports);
      const seqs = [...new Set(reports.flatMap(({ ranges }) => seqsIn(ranges)))].sort((a, b) => a - b);
      expect(seqsIn(merged?.ranges ?? [])).toEqual(seqs);
      expect(merged?.messages).toBe(seqs.length);
      expect(merged?.ranges).toHaveLength(seqs.filter((seq) => !seqs.includes(seq - 1)).length);
    }),
  );
});

it('merged reports span all of them', () => {
  const one: UnreadableReport = { messages: 1, ranges: [[7, 7]], fromMs: null, toMs: 20 };
  const other: UnreadableReport = { messages: 1, ranges: [[3, 3]], fromMs: 10, toMs: 15 };
  expect(mergedReports([one, other])).toMatchObject({ fromMs: 10, toMs: 20 });
  expect(mergedReports([{ ...one, toMs: null }])).toMatchObject({ fromMs: null, toMs: null });
  expect(mergedReports([])).toBe(undefined);
});

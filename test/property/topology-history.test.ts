// Entries of TOPOLOGY, whose sequences may have gaps, are found by sequence and by time.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { digestOf } from '../../src/domain/log-mark.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { TopologyEntry } from '../../src/domain/topology.ts';
import { spaceCalled } from '../support/space-called.ts';

const steps = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 4 }), storedMs: fc.integer({ min: 1, max: 20 }) }), {
  maxLength: 30,
});
const seqs = fc.integer({ min: -1, max: 130 });

it('as a search through all of them finds them', () => {
  fc.assert(
    fc.property(steps, seqs, seqs, fc.integer({ min: 0, max: 21 }), (drawn, after, upTo, atMs) => {
      const [history, ofBytes] = [new TopologyHistory(), new TopologyHistory()];
      const entries: TopologyEntry[] = [];
      let last: number | undefined;
      const digests = new Map<number, number | undefined>([[0, 0]]);
      for (const { gap, storedMs } of drawn) {
        const seq = (entries.at(-1)?.seq ?? 0) + gap;
        const entry = { seq, storedMs, fact: { kind: 'space', doc: spaceCalled(`space ${seq}`, seq) } } as const;
        entries.push(entry);
        history.apply(entry);
        ofBytes.apply(entry, Buffer.from(JSON.stringify(entry.fact)));
        // Digests are stored in ClickHouse and in places, so they stay what they are.
        digests.set(seq, (last = digestOf(Buffer.from(`${seq} ${JSON.stringify(entry.fact)}`), last)));
      }
      expect(history.entries(after, upTo)).toEqual(entries.filter(({ seq }) => after < seq && seq <= upTo));
      expect(history.seqStoredBy(atMs)).toBe(entries.findLast(({ storedMs = 0 }) => storedMs <= atMs)?.seq ?? 0);
      expect(history.digestAt(upTo)).toBe(digests.get(upTo));
      expect(ofBytes.digestAt(upTo)).toBe(digests.get(upTo));
    }),
  );
});

// The topology as it was known: at the place of an answer, at a time, and what is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { formatPlace, formatTopologyAsOf, parsePlace } from '../../src/domain/topology-place.ts';
import { topologyAsKnown, type TopologyKnownAt } from '../../src/domain/known-topology.ts';
import { spaceCalled } from '../support/space-called.ts';

const NOW = 100_000;
const history = new TopologyHistory();
history.apply({ seq: 1, storedMs: 1_000, fact: { kind: 'space', doc: spaceCalled('hall', 1) } });
history.apply({ seq: 2, storedMs: 2_000, fact: { kind: 'space', doc: spaceCalled('lobby', 1) } });
history.apply({ seq: 4, storedMs: 2_000, fact: { kind: 'space', doc: spaceCalled('attic', 2) } });

const names = (knownAt?: TopologyKnownAt): string[] =>
  topologyAsKnown(history, knownAt, NOW)
    .view.spaces()
    .map(({ name }) => name);
const placeOf = (seq: number) => ({ seq, digest: history.digestAt(seq) ?? 0 });

describe('the topology as it was known', () => {
  it('T26 is that of the place, or of the last entry that was stored by a time', () => {
    expect(names()).toEqual(['lobby', 'attic']);
    expect(names({ place: placeOf(2) })).toEqual(['lobby']);
    expect(names({ place: { seq: 0, digest: 0 } })).toEqual([]);
    expect([999, 1_000, 1_999, 2_000].map((atMs) => names({ atMs }).join())).toEqual([
      '',
      'hall',
      'hall',
      'lobby,attic',
    ]);
  });

  it('T26 has a place of its own, with the instant of the question', () => {
    expect(topologyAsKnown(history, undefined, NOW).asOf).toEqual({ ...placeOf(4), atMs: NOW });
    expect(topologyAsKnown(history, { atMs: 1_500 }, NOW).asOf).toEqual({ ...placeOf(1), atMs: 1_500 });
    expect(topologyAsKnown(history, { place: { ...placeOf(1), atMs: 7 } }, NOW).asOf).toEqual({
      ...placeOf(1),
      atMs: 7,
    });
    // That of a dry run has none.
    expect(topologyAsKnown(history, { place: placeOf(1) }, NOW).asOf.atMs).toBe(NOW);
  });

  it.each([
    ['a time in the future', { atMs: NOW + 1 }, 'invalid', /is in the future/],
    ['a sequence without an entry', { place: { seq: 3, digest: 1 } }, 'invalid', /topology-3-1, a place that the/],
    ['an entry that the log lost', { place: { seq: 2, digest: 1 } }, 'invalid', /topology-2-1, a place that the/],
    ['a later place', { place: { seq: 5, digest: 1 } }, 'unavailable', /not read the topology log up to there/],
  ] as const)('T26 is refused for %s', (_, knownAt, kind, message) => {
    expect(() => topologyAsKnown(history, knownAt, NOW)).toThrow(message);
    expect(() => topologyAsKnown(history, knownAt, NOW)).toThrow(
      expect.objectContaining(kind === 'invalid' ? { kind, field: 'known_at' } : { kind }) as Error,
    );
  });

  it('T26 the place is read as it was written, and is that of a dry run, too', () => {
    fc.assert(
      fc.property(
        fc.nat(999_999_999_999_999),
        fc.nat(0xffffffff),
        fc.integer({ min: BEGINNING_MS, max: END_MS }),
        (seq, digest, atMs) => {
          expect(parsePlace(formatTopologyAsOf({ seq, digest, atMs }))).toEqual({ seq, digest, atMs });
          expect(formatTopologyAsOf({ seq, digest, atMs })).toMatch(`${formatPlace({ seq, digest })}-`);
        },
      ),
    );
  });
});

// The text of the place of an answer.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AS_OF_PATTERN, formatAsOf, parseAsOf, type AsOf } from '../../src/domain/as-of.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { formatPlace } from '../../src/domain/topology-place.ts';

const sequence = fc.nat(Number.MAX_SAFE_INTEGER);
const instant = fc.integer({ min: BEGINNING_MS, max: END_MS });
const asOf: fc.Arbitrary<AsOf> = fc.record({
  spaceId: fc.nat(4_294_967_295).map((id) => id as SpaceId),
  epoch: fc.nat(1_000),
  seq: sequence,
  topologySeq: sequence,
  topologyDigest: fc.nat(0xffffffff),
  watermarkMs: instant,
  atMs: instant,
  isStale: fc.boolean(),
});

it('T24 the place of an answer is read as it was written, and has the documented form', () => {
  fc.assert(
    fc.property(asOf, (place) => {
      const text = formatAsOf(place);
      expect(parseAsOf(text)).toEqual(place);
      expect(text).toMatch(new RegExp(AS_OF_PATTERN));
      expect(text.length).toBeLessThan(100);
    }),
  );
});

it('T24 a place with one wrong character is none, and neither is that of a dry run', () => {
  fc.assert(
    fc.property(asOf, fc.nat(), fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz-'), (place, at, character) => {
      const text = formatAsOf(place);
      const n = at % text.length;
      fc.pre(text[n] !== character);
      expect(parseAsOf(`${text.slice(0, n)}${character}${text.slice(n + 1)}`)).toBeUndefined();
    }),
  );
  expect(parseAsOf(formatPlace({ seq: 57, digest: 1 }))).toBeUndefined();
  expect(parseAsOf('')).toBeUndefined();
});

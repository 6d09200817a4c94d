// Compares an explanation with the oracle, term by term.
import type { Explanation, IntervalExplanation } from '../../src/counts/explanations.ts';
import { factsOf } from '../../src/domain/topology.ts';
import type { SpaceOracle } from '../support/oracle.ts';
import type { Engines, SimProcess } from './process.ts';

/** Terms that the service lists in full; of exits at zero it lists the newest instants. */
const TERMS = [
  'count',
  'net',
  'drift',
  'reset',
  'entrances',
  'exits',
  'countAtStart',
  'countAtEnd',
  'resets',
  'doorways',
  'provisional',
] as const;

/** @param oracle of the events that the explanation is based on */
export function objectionsToExplanation(found: Explanation | IntervalExplanation, oracle: SpaceOracle): string[] {
  const isInstant = 'timestampMs' in found;
  const [expected, lastMs, what] = isInstant
    ? [oracle.explain(found.timestampMs, found.watermarkMs), found.timestampMs, `explained at ${found.timestampMs}`]
    : [
        oracle.explainInterval(found.fromMs, found.toMs, found.watermarkMs),
        found.toMs - 1,
        `explained from ${found.fromMs} to ${found.toMs}`,
      ];
  const { exitsAtZero } = expected;
  const pairs: [name: string, is: unknown, shouldBe: unknown][] = [
    ...TERMS.map((name): [string, unknown, unknown] => [
      name,
      (found as unknown as Record<string, unknown>)[name],
      (expected as unknown as Record<string, unknown>)[name],
    ]),
    ['exitsAtZero', found.exitsAtZero, exitsAtZero.slice(0, found.exitsAtZero.length)],
    ['exitsAtZeroCount', found.exitsAtZeroCount, exitsAtZero.reduce((sum, { exits }) => sum + exits, 0)],
    ['listed exits at zero', found.exitsAtZero.length, Math.min(100, exitsAtZero.length)],
    ['isFinal', found.isFinal, found.watermarkMs >= 0 && lastMs <= found.watermarkMs],
  ];
  const objections = pairs
    .map(([name, is, shouldBe]) => [name, sorted(is), sorted(shouldBe)] as const)
    .filter(([, is, shouldBe]) => is !== shouldBe)
    .map(([name, is, shouldBe]) => `${what}, ${name} is ${is}, should be ${shouldBe}`);
  if (found.isFinal && found.heldBackBy) objections.push(`${what}, it is final and held back`);
  return objections;
}

/** JSON with the fields of objects in alphabetical order. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** By the last entry of the log that a process knows and that has exactly this reset. */
export function setterOf(
  { streams }: Engines,
  { topology }: SimProcess,
  reset: object,
): { setBy: string | null; setAtMs: number | null } {
  const text = JSON.stringify(reset);
  const known = streams.topology.filter(({ seq }) => seq <= topology.history.seq);
  const entry = known.findLast(({ fact }) => factsOf(fact).some(({ doc }) => JSON.stringify(doc) === text));
  return { setBy: entry?.fact.by ?? null, setAtMs: entry?.fact.atMs ?? null };
}

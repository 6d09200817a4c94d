// A parsed filter: an expression tree over the fields of one list. `matches` evaluates it in memory and
// src/clickhouse/filter-sql.ts in ClickHouse, with the same meaning. Logic is two-valued: null equals only null, and
// comparing it by order is false. Text is compared in NFC; in ClickHouse all text is ASCII.
import { nameKey } from './name.ts';

export type FieldType = 'number' | 'text' | 'instant';

/** The fields of a list that a filter may use. */
export type FieldTypes = Readonly<Record<string, FieldType>>;

export const COMPARATORS = ['=', '!=', '<=', '>=', '<', '>'] as const;
export type Comparator = (typeof COMPARATORS)[number];

/** Instants are milliseconds since 1970. */
export type Value = number | string | null;

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expression[] }
  | { readonly kind: 'not'; readonly term: Expression }
  /** A null value occurs only with `=` and `!=`. */
  | { readonly kind: 'compare'; readonly field: string; readonly comparator: Comparator; readonly value: Value }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly Value[] };

export function matches(expression: Expression, read: (field: string) => Value): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.terms.every((term) => matches(term, read));
    case 'or':
      return expression.terms.some((term) => matches(term, read));
    case 'not':
      return !matches(expression.term, read);
    case 'in':
      return expression.values.map(comparable).includes(comparable(read(expression.field)));
    case 'compare':
      return compares(comparable(read(expression.field)), expression.comparator, comparable(expression.value));
  }
}

function comparable(value: Value): Value {
  return typeof value === 'string' ? nameKey(value) : value;
}

function compares(left: Value, comparator: Comparator, right: Value): boolean {
  if (comparator === '=') return left === right;
  if (comparator === '!=') return left !== right;
  if (left === null || right === null) return false;
  switch (comparator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

/** Event times with `fromMs <= t <= toMs`. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * A range of time outside of which the filter matches nothing, derived from the conditions that must all hold.
 * @param all the range without a filter
 * @returns the range, and `isAll`: true if the range is equivalent to the filter, so that nothing else needs to be
 * evaluated
 */
export function timeRangeOf(
  expression: Expression | undefined,
  field: string,
  all: TimeRange,
): { readonly range: TimeRange; readonly isAll: boolean } {
  if (!expression) return { range: all, isAll: true };
  if (expression.kind === 'and') {
    return expression.terms.reduce(
      (narrowedSoFar: { range: TimeRange; isAll: boolean }, term) => {
        const { range, isAll } = timeRangeOf(term, field, narrowedSoFar.range);
        return { range, isAll: isAll && narrowedSoFar.isAll };
      },
      { range: all, isAll: true },
    );
  }
  if (expression.kind !== 'compare' || expression.field !== field || typeof expression.value !== 'number')
    return { range: all, isAll: false };
  const { comparator, value } = expression;
  const narrowed = (fromMs: number, toMs: number) => ({
    range: { fromMs: Math.max(all.fromMs, fromMs), toMs: Math.min(all.toMs, toMs) },
    isAll: true,
  });
  switch (comparator) {
    case '=':
      return narrowed(value, value);
    case '<':
      return narrowed(all.fromMs, value - 1);
    case '<=':
      return narrowed(all.fromMs, value);
    case '>':
      return narrowed(value + 1, all.toMs);
    case '>=':
      return narrowed(value, all.toMs);
    case '!=':
      return { range: all, isAll: false };
  }
}

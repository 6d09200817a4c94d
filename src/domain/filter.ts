// A filter, parsed: a tree over the fields of one list. It is evaluated in memory by `matches`, and in ClickHouse by
// src/clickhouse/filter-sql.ts. Two-valued: null equals null and nothing else, and is neither less nor more than anything.

export type FieldType = 'number' | 'text' | 'instant';

/** The fields of a list that a filter may name. */
export type FieldTypes = Readonly<Record<string, FieldType>>;

export const COMPARATORS = ['=', '!=', '<=', '>=', '<', '>'] as const;
export type Comparator = (typeof COMPARATORS)[number];

/** Instants are milliseconds. */
export type Value = number | string | null;

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expression[] }
  | { readonly kind: 'not'; readonly term: Expression }
  /** With null only `=` and `!=`. */
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
      return expression.values.includes(read(expression.field));
    case 'compare':
      return compares(read(expression.field), expression.comparator, expression.value);
  }
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

/** Event times `fromMs <= t <= toMs`. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The span of time outside of which nothing matches, as far as the tree says so by conditions that must all hold.
 * @returns it, and whether the tree says nothing else
 */
export function timeRangeOf(
  expression: Expression | undefined,
  field: string,
  all: TimeRange,
): { readonly range: TimeRange; readonly isAll: boolean } {
  if (!expression) return { range: all, isAll: true };
  if (expression.kind === 'and') {
    return expression.terms.reduce(
      (sofar: { range: TimeRange; isAll: boolean }, term) => {
        const { range, isAll } = timeRangeOf(term, field, sofar.range);
        return { range, isAll: isAll && sofar.isAll };
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

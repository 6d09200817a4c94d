// A filter as a condition in SQL. The text is put together from the columns and operators written here; what the client
// wrote travels as parameters, `{f0:Type}`, and only as values that were parsed to their types.
import type { Comparator, Expression, Value } from '../domain/filter.ts';

export interface Column {
  /** An expression over the table. */
  readonly sql: string;
  readonly type: 'Float64' | 'String' | 'DateTime64';
  /** What stands for null in the table. */
  readonly nullAs?: number | string;
}

export type Columns = Readonly<Record<string, Column>>;

const OPERATORS: Readonly<Record<Comparator, string>> = {
  '=': '=',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};
/** DateTime64(3) ends in 2299; nothing is stored that late. */
const LATEST_MS = 9_000_000_000_000;

export interface BoundCondition {
  readonly sql: string;
  readonly params: Readonly<Record<string, number | string>>;
}

export function conditionOf(filter: Expression | undefined, columns: Columns): BoundCondition {
  const params: Record<string, number | string> = {};
  const bind = (value: number | string, { type }: Column): string => {
    const name = `f${Object.keys(params).length}`;
    params[name] = type === 'DateTime64' ? Math.min(Number(value), LATEST_MS) : value;
    return type === 'DateTime64' ? `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')` : `{${name}:${type}}`;
  };
  const columnOf = (field: string): Column => {
    const column = columns[field];
    if (!column) throw new Error(`no column for the field ${field}`);
    return column;
  };
  const equals = (field: string, value: Value): string => {
    const column = columnOf(field);
    if (value === null) return column.nullAs === undefined ? '0' : `${column.sql} = ${bind(column.nullAs, column)}`;
    // What stands for null is a value nobody can ask for.
    return value === column.nullAs ? '0' : `${column.sql} = ${bind(value, column)}`;
  };
  const compare = (field: string, comparator: Comparator, value: Value): string => {
    if (comparator === '=') return equals(field, value);
    if (comparator === '!=') return `NOT (${equals(field, value)})`;
    const column = columnOf(field);
    if (value === null) return '0';
    const condition = `${column.sql} ${OPERATORS[comparator]} ${bind(value, column)}`;
    return column.nullAs === undefined
      ? condition
      : `(${condition} AND ${column.sql} != ${bind(column.nullAs, column)})`;
  };
  const write = (expression: Expression): string => {
    switch (expression.kind) {
      case 'and':
        return `(${expression.terms.map(write).join(' AND ')})`;
      case 'or':
        return `(${expression.terms.map(write).join(' OR ')})`;
      case 'not':
        return `NOT (${write(expression.term)})`;
      case 'in':
        return `(${expression.values.map((value) => equals(expression.field, value)).join(' OR ')})`;
      case 'compare':
        return compare(expression.field, expression.comparator, expression.value);
    }
  };
  return { sql: filter ? write(filter) : '1', params };
}

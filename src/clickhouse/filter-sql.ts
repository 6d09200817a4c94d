// Translates a filter into an SQL condition with the meaning of `matches` (src/domain/filter.ts). The SQL text consists
// of the columns and operators in this file only; the client's values are bound as typed parameters (`{f0:Type}`).
import type { Comparator, Expression, Value } from '../domain/filter.ts';
import { instantParam, storable } from './instants.ts';

export interface Column {
  /** An SQL expression over the table. */
  readonly sql: string;
  readonly type: 'Float64' | 'String' | 'DateTime64';
  /** The value that represents null in the table. */
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

export interface BoundCondition {
  readonly sql: string;
  readonly params: Readonly<Record<string, number | string>>;
}

/** @throws Error for a field without a column: routes pass only fields that their list declares */
export function conditionOf(filter: Expression | undefined, columns: Columns): BoundCondition {
  const params: Record<string, number | string> = {};
  const bind = (value: number | string, { type }: Column): string => {
    const name = `f${Object.keys(params).length}`;
    params[name] = type === 'DateTime64' ? storable(Number(value)) : value;
    return type === 'DateTime64' ? instantParam(name) : `{${name}:${type}}`;
  };
  const columnOf = (field: string): Column => {
    const column = columns[field];
    if (!column) throw new Error(`no column for the field ${field}`);
    return column;
  };
  const equals = (field: string, value: Value): string => {
    const column = columnOf(field);
    if (value === null) return column.nullAs === undefined ? '0' : `${column.sql} = ${bind(column.nullAs, column)}`;
    // A client's literal that equals the value representing null must not match it.
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

import { stringify } from 'csv-stringify/sync';
import type { Context } from 'koa';
import { HttpProblem } from './problem.ts';

/** A CSV document of one row, for the OpenAPI document. */
export function csvExample(columns: readonly string[], row: Readonly<Record<string, unknown>>): string {
  return `${columns.join(',')}\n${columns.map((column) => (column in row ? String(row[column]) : '')).join(',')}\n`;
}

/**
 * Answers rows as JSON or as CSV with a header line, whichever the client accepts.
 * @throws HttpProblem 406 if it accepts neither
 */
export function answerCsv<Row extends object>(
  ctx: Context,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): readonly Row[] | string {
  ctx.vary('accept');
  const type = ctx.accepts('json', 'text/csv');
  if (type === false) throw new HttpProblem(406, 'the answer is available as application/json and text/csv');
  if (type === 'json') return rows;
  ctx.type = 'text/csv; charset=utf-8';
  return csvRows(columns, rows, { header: true });
}

/** Devices choose their ids, and spreadsheets run what begins like a formula, so a ' is put before it. */
export function csvRows<Row extends object>(
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
  { header }: { readonly header: boolean },
): string {
  return stringify([...rows], { header, columns: [...columns], cast: { boolean: String }, escape_formulas: true });
}

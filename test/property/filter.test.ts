// Any filter of a client is either refused with a position, or compiled to SQL that contains none of its text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionOf, type Columns } from '../../src/clickhouse/filter-sql.ts';
import { FilterError, parseFilter } from '../../src/http/filter/parse.ts';

const TYPES = { id: 'text', timestamp: 'instant', dpu_id: 'text', direction: 'number', doorway_id: 'number' } as const;
const COLUMNS: Columns = {
  id: { sql: 'reading_id', type: 'String' },
  timestamp: { sql: 'timestamp', type: 'DateTime64' },
  dpu_id: { sql: 'dpu_id', type: 'String' },
  direction: { sql: 'direction', type: 'Float64' },
  doorway_id: { sql: 'doorway_id', type: 'Float64', nullAs: 0 },
};
/** The only parts of which a filter's SQL may consist. */
const WRITTEN_HERE =
  /^(?:reading_id|timestamp|dpu_id|direction|doorway_id|fromUnixTimestamp64Milli\(\{f\d+:Int64\}, 'UTC'\)|\{f\d+:(?:String|Float64)\}|AND|OR|NOT|<=|>=|!=|[=<>()01 ])*$/;

const text = fc.oneof(
  fc.string(),
  fc.constantFrom("'; DROP TABLE readings; --", '\\', "''", '{f0:String}', '`', '/*', '\u0000', "\\'"),
);
const quoted = text.map((value) => `'${value.replaceAll("'", "''")}'`);
const comparison = fc
  .tuple(fc.constantFrom('id', 'dpu_id'), fc.constantFrom('=', '!=', '<', '>=', '<>'), quoted)
  .map((parts) => parts.join(' '));
const inside = fc
  .tuple(
    fc.constantFrom('direction', 'doorway_id'),
    fc.constantFrom(' in (1, -1, null)', ' is not null', '>=0.5', ' not in (2)'),
  )
  .map((parts) => parts.join(''));
const valid = fc
  .array(fc.oneof(comparison, inside), { minLength: 1, maxLength: 6 })
  .chain((terms) =>
    fc.constantFrom(' and ', ' or ', ' AND not ').map((glue) => terms.map((term) => `(${term})`).join(glue)),
  );
const pieces = fc
  .array(
    fc.oneof(
      text,
      fc.constantFrom(
        'id',
        'timestamp',
        'direction',
        '=',
        '<',
        '(',
        ')',
        'and',
        'or',
        'not',
        'in',
        'is',
        'null',
        "'",
        '"',
        ',',
        '1',
        "'2018-02-25'",
        ' ',
      ),
    ),
  )
  .map((parts) => parts.join(' '));

describe('a filter', () => {
  it('never reaches ClickHouse as text', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(valid, pieces, fc.string()), (filter) => {
        try {
          const { sql, params } = conditionOf(parseFilter(filter, TYPES), COLUMNS);
          accepted += 1;
          expect(sql).toMatch(WRITTEN_HERE);
          for (const name of Object.keys(params)) expect(name).toMatch(/^f\d+$/);
        } catch (error) {
          if (!(error instanceof FilterError)) throw error;
          expect(error.position).toBeGreaterThanOrEqual(0);
          expect(error.position).toBeLessThanOrEqual(filter.length);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it('binds the exact text of a literal', () => {
    fc.assert(
      fc.property(text, (value) => {
        fc.pre(value.length < 900);
        expect(conditionOf(parseFilter(`dpu_id = '${value.replaceAll("'", "''")}'`, TYPES), COLUMNS)).toEqual({
          sql: 'dpu_id = {f0:String}',
          params: { f0: value },
        });
      }),
    );
  });
});

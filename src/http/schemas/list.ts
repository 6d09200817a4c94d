// The query of a list: `limit`, `offset`, `sort`, `desc`, `filter`, over the fields the list has.
import { z } from 'zod';
import { FilterError, parseFilter } from '../filter/parse.ts';
import type { Expression, FieldTypes } from '../../domain/filter.ts';
import { booleanInQuery, wholeNumberInQuery } from './fields.ts';

const LIMIT_MAX = 1_000;
const OFFSET_MAX = 1_000_000_000;

const paging = {
  limit: wholeNumberInQuery({ minimum: 1, maximum: LIMIT_MAX, description: 'how many at most' })
    .prefault('25')
    .meta({ default: 25 }),
  offset: wholeNumberInQuery({ minimum: 0, maximum: OFFSET_MAX, description: 'how many to leave out first' })
    .prefault('0')
    .meta({ default: 0 }),
};

export interface ListQuery {
  readonly limit: number;
  readonly offset: number;
  readonly sort: string;
  readonly desc: boolean;
  readonly filter?: Expression | undefined;
}

/** @param sort the field lists are in the order of unless asked otherwise */
export function listQuery<Types extends FieldTypes>(types: Types, sort: keyof Types & string) {
  const names = Object.keys(types) as [string, ...string[]];
  return {
    ...paging,
    sort: z
      .enum(names, `must be one of ${names.join(', ')}`)
      .default(sort)
      .meta({ description: 'the field to sort by' }),
    desc: booleanInQuery('true for the largest or newest first').prefault('false').meta({ default: false }),
    filter: filterOver(types).optional(),
  };
}

function filterOver(types: FieldTypes) {
  const names = Object.keys(types);
  const doc = {
    type: 'string',
    description: `comparisons (\`= != < <= > >=\`, \`in (…)\`, \`is null\`) joined by \`and\`, \`or\`, \`not\` and parentheses, over ${names.join(', ')}`,
  };
  return z
    .unknown()
    .meta(doc)
    .transform((value, context): Expression | undefined => {
      // As a form sends a field that was left blank.
      if (typeof value === 'string' && value.trim() === '') return undefined;
      try {
        if (typeof value !== 'string') throw new FilterError(0, 'one filter is expected, and there are several');
        return parseFilter(value, types);
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        context.addIssue({ code: 'custom', message: error.message, params: { position: error.position } });
        return z.NEVER;
      }
    });
}

// The query parameters of a list: `limit`, `offset`, `sort`, `desc` and `filter`, over the fields of the list.
import { z } from 'zod';
import { FilterError, parseFilter } from '../filter/parse.ts';
import type { Expression, FieldTypes } from '../../domain/filter.ts';
import { LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX } from '../paging.ts';
import { booleanInQuery, wholeNumberInQuery } from './fields.ts';

export const pageLimit = wholeNumberInQuery({
  minimum: 1,
  maximum: LIMIT_MAX,
  description: 'maximum number of items on the page',
})
  .prefault(String(LIMIT_DEFAULT))
  .meta({ default: LIMIT_DEFAULT });

const paging = {
  limit: pageLimit,
  offset: wholeNumberInQuery({ minimum: 0, maximum: OFFSET_MAX, description: 'number of items to skip' })
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

/**
 * @param sort the default field to sort by
 */
export function listQuery<Types extends FieldTypes>(types: Types, sort: keyof Types & string) {
  const names = Object.keys(types) as [string, ...string[]];
  return {
    ...paging,
    sort: z
      .enum(names, `must be one of ${names.join(', ')}`)
      .default(sort)
      .meta({ description: 'the field to sort by' }),
    desc: booleanInQuery('true sorts in descending order').prefault('false').meta({ default: false }),
    filter: filterOver(types).optional(),
  };
}

/** The parameter `filter` alone. */
export function filterOver(types: FieldTypes) {
  const names = Object.keys(types);
  const doc = {
    type: 'string',
    description: `comparisons (\`= != < <= > >=\`, \`in (…)\`, \`is null\`) combined with \`and\`, \`or\`, \`not\` and parentheses, over the fields ${names.join(', ')}`,
  };
  return z
    .unknown()
    .meta(doc)
    .transform((value, context): Expression | undefined => {
      // HTML forms send an empty value for an empty field.
      if (typeof value === 'string' && value.trim() === '') return undefined;
      try {
        if (typeof value !== 'string') throw new FilterError(0, 'the query may contain only one filter');
        return parseFilter(value, types);
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        context.addIssue({ code: 'custom', message: error.message, params: { position: error.position } });
        return z.NEVER;
      }
    });
}

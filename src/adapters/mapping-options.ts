// The declarative description of a payload: where its items are, and where the parts of each item are.
import { z } from 'zod';
import { isTimeZone } from '../domain/zone.ts';
import { COMMON_OPTIONS } from './define-adapter.ts';
import { compilePath, type Path } from './json-path.ts';

const path = (of: 'items' | 'field'): z.ZodType<Path, string> =>
  z.string().transform((text, context) => {
    const compiled = compilePath(text, of);
    if (typeof compiled !== 'string') return compiled;
    context.addIssue({ code: 'custom', message: compiled });
    return z.NEVER;
  });

const field = path('field');
const values = z
  .array(z.union([z.string(), z.number(), z.boolean()]).transform(String))
  .min(1)
  .max(100);

const direction = z
  .strictObject({ path: field, entrance: values, exit: values })
  .refine(({ entrance, exit }) => !entrance.some((value) => exit.includes(value)), {
    path: ['exit'],
    message: 'must not have a value that entrance has too',
  });

export const mappingOptions = z
  .strictObject({
    ...COMMON_OPTIONS,
    kind: z
      .enum(['event', 'interval', 'total'])
      .describe('the kind of item: one crossing (or a few), the people of an interval, or the value of a counter'),
    format: z.enum(['json', 'csv']).default('json').describe('csv: lines become `$.rows`, each with its columns'),
    delimiter: z.string().length(1).default(',').describe('the separator between the cells of a CSV'),
    preamble: z
      .boolean()
      .default(false)
      .describe('the first two lines of the CSV are names and values that apply to the whole CSV: `$.preamble`'),
    items: path('items')
      .optional()
      .describe('JSONPath of the items; if absent, the document, each element if that is a list, or each row of a CSV'),
    device: field.optional().describe('the device; if absent, that of the subject or URL'),
    line: field.optional().describe('the line, if a device has several'),
    lines: z
      .record(z.string(), z.string().min(1).max(64))
      .optional()
      .describe('names for lines, by the value of `line`; a line that is not listed keeps its name'),
    time: field.optional().describe('when it passed, or the end of the interval; if absent, the arrival'),
    start: field.optional().describe('the start of the interval'),
    time_zone: z
      .string()
      .refine(isTimeZone, 'must be an IANA time zone')
      .optional()
      .describe('the zone of times without an offset'),
    time_unit: z
      .enum(['s', 'ms'])
      .optional()
      .describe('the unit of times that are numbers; if absent, their size determines it'),
    date_order: z.enum(['ymd', 'dmy', 'mdy']).default('ymd').describe('the order of dates in text'),
    direction: direction
      .optional()
      .describe('for events: where the direction is, and the values that stand for each direction'),
    entrances: field.optional().describe('the number of people who entered, or the counter of entrances'),
    exits: field.optional().describe('the number of people who left, or the counter of exits'),
    id: field.optional().describe("the device's name for the item"),
    counter_epoch: field
      .optional()
      .describe('for totals: a different value means that the counter has restarted from 0'),
  })
  .superRefine((options, context) => {
    for (const [key, detail] of problemsOf(options)) context.addIssue({ code: 'custom', path: [key], message: detail });
  });

export type MappingOptions = z.output<typeof mappingOptions>;

function* problemsOf(options: {
  readonly kind: string;
  readonly format: string;
  readonly preamble: boolean;
  readonly direction?: unknown;
  readonly entrances?: unknown;
  readonly exits?: unknown;
  readonly start?: unknown;
  readonly counter_epoch?: unknown;
  readonly line?: unknown;
  readonly lines?: unknown;
}): Generator<readonly [string, string]> {
  const { kind, entrances, exits } = options;
  const hasCounts = entrances !== undefined || exits !== undefined;
  const hasDirection = options.direction !== undefined;
  if (hasDirection && kind !== 'event') yield ['direction', `is for events: ${kind}s have entrances and exits`];
  if (hasDirection && hasCounts) yield ['direction', 'must not be given together with entrances or exits'];
  if (!hasDirection && !hasCounts)
    yield kind === 'event'
      ? ['direction', 'is required, or entrances or exits']
      : ['entrances', 'is required, or exits'];
  if (options.start !== undefined && kind !== 'interval') yield ['start', 'is for intervals'];
  if (options.counter_epoch !== undefined && kind !== 'total') yield ['counter_epoch', 'is for totals'];
  if (options.preamble && options.format !== 'csv') yield ['preamble', 'is for CSV'];
  if (options.lines !== undefined && options.line === undefined) yield ['lines', 'needs line'];
}

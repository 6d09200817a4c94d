// Exports of history without a limit on rows.
import { z } from 'zod';
import type { Counts } from '../../counts/counts.ts';
import type { IntervalAnswer } from '../../counts/count-at.ts';
import type { EventCounts } from '../../counts/event-counts.ts';
import type { CountedPlace } from '../../counts/space-events.ts';
import type { TimeRange } from '../../domain/filter.ts';
import { END_MS } from '../../domain/instant.ts';
import { boundsInParts, type Interval } from '../../domain/interval.ts';
import type { EventPlace } from '../../domain/space-event.ts';
import type { Space } from '../../domain/topology.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import type { EventPages, IntervalRow, ReadingsQuery } from '../../ports/event-pages.ts';
import { INTERVAL_EXAMPLE, intervalJson, utilization } from '../counts-json.ts';
import { csvExample } from '../csv-answer.ts';
import { csvOf, Exports, exportType, PARQUET } from '../exports.ts';
import { intervalSpan, startAndEnd } from '../interval-span.ts';
import { invalid } from '../problem.ts';
import { instantInQuery, spaceIdInPath, spaceIdsInQuery } from '../schemas/fields.ts';
import { filterOver } from '../schemas/list.ts';
import { timeZone, timeZoneOrSpace, writtenIn, type Written } from '../zoned-times.ts';
import { countedPlaceOf, EVENT_EXAMPLE, eventJson } from './event-counts-routes.ts';
import { INTERVAL_COLUMNS } from './intervals-routes.ts';
import { defineRoute, type Route } from './route.ts';
import { READING_EXAMPLE, READING_FIELDS, readingJson } from './stored-readings-routes.ts';

/** Rows that are read at a time. */
const PAGE_ROWS = 5_000;
const SPACES_MAX = 100;
const STREAMED =
  'The answer is streamed and has no limit on rows. If it cannot be completed, the connection is closed before its end. A token has one export at a time.';
const PARQUET_NOTE = `Accept ${PARQUET} to get a Parquet file, which ClickHouse writes. Its timestamps are instants, and have no \`tz\`.`;
const PARQUET_EXAMPLE = 'PAR1…PAR1';

const SPACE_INTERVAL_COLUMNS = ['space_id', ...INTERVAL_COLUMNS] as const;
const EVENT_COLUMNS = [
  'space_id',
  'timestamp',
  'count',
  'net',
  'delta',
  'entrances',
  'exits',
  'reading_id',
  'final',
] as const;
const READING_COLUMNS = [
  ...(['id', 'dpu_id', 'timestamp', 'entrances', 'exits', 'direction', 'start', 'revision'] as const),
  ...(['total_entrances', 'total_exits', 'counter_epoch', 'doorway_id', 'excluded', 'deleted'] as const),
];

const COMMON = { method: 'GET', scope: 'read' } as const;

interface ExportsDeps {
  readonly counts: Counts;
  readonly eventCounts: EventCounts;
  readonly eventPages: EventPages;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function exportsRoutes(deps: ExportsDeps): Route[] {
  const exports = new Exports();
  return [exportIntervals(deps, exports), exportEvents(deps, exports), exportReadings(deps, exports)];
}

function exportIntervals({ counts, eventPages, topology, now }: ExportsDeps, exports: Exports): Route {
  return defineRoute({
    ...COMMON,
    path: '/exports/intervals',
    operationId: 'exportIntervals',
    tag: 'counts',
    summary: 'Export entrances, exits and counts per interval as CSV or Parquet',
    description: `As \`GET /counts/intervals\`. ${STREAMED} ${PARQUET_NOTE}`,
    query: z.strictObject({ space_id: spaceIdsInQuery(SPACES_MAX), ...intervalSpan, ...timeZone }),
    problems: [404, 406, 429],
    success: {
      status: 200,
      description: 'the intervals, space by space, oldest first',
      alternatives: {
        'text/csv': csvExample(SPACE_INTERVAL_COLUMNS, { space_id: 1, ...INTERVAL_EXAMPLE }),
        [PARQUET]: PARQUET_EXAMPLE,
      },
    },
    handle: async ({ query: { space_id: ids, interval, tz, ...span } }, ctx) => {
      const type = exportType(ctx, 'text/csv', PARQUET);
      const spaces = ids.map((id) => existing(topology.latest().space(id), `space ${id}`));
      const { startMs: fromMs, endMs: toMs } = startAndEnd(span, now());
      const answers = intervalAnswers(counts, spaces, { fromMs, toMs }, interval);
      const chunks =
        type === PARQUET
          ? eventPages.parquetOfIntervals(inInstants(intervalRows(answers), tz))
          : csvOf(SPACE_INTERVAL_COLUMNS, writtenIntervals(answers, writtenIn(tz)));
      return exports.answer(ctx, { type, name: 'intervals', chunks });
    },
  });
}

function exportEvents({ eventCounts, topology }: ExportsDeps, exports: Exports): Route {
  return defineRoute({
    ...COMMON,
    path: '/exports/events/{space_id}',
    operationId: 'exportEvents',
    tag: 'counts',
    summary: 'Export the events of a space as CSV or Parquet',
    description: `Every event, those that are not stored yet included. As CSV with the count after it, as \`GET /counts/{space_id}\` lists them. ${STREAMED} ${PARQUET_NOTE}`,
    params: z.strictObject({ space_id: spaceIdInPath }),
    query: z.strictObject({
      start: instantInQuery('start of the range, inclusive; default: the first event').optional(),
      end: instantInQuery('end of the range, exclusive; default: the last event').optional(),
      ...timeZoneOrSpace,
    }),
    problems: [404, 406, 429],
    success: {
      status: 200,
      description: 'the events, oldest first',
      alternatives: { 'text/csv': csvExample(EVENT_COLUMNS, EVENT_EXAMPLE), [PARQUET]: PARQUET_EXAMPLE },
    },
    handle: async ({ params: { space_id: id }, query: { start, end, tz } }, ctx) => {
      const type = exportType(ctx, 'text/csv', PARQUET);
      const space = existing(topology.latest().space(id), `space ${id}`);
      const range = { fromMs: start ?? 0, toMs: end === undefined ? END_MS : end - 1 };
      if (range.fromMs > range.toMs) throw invalid('start', 'must be before end');
      const written = writtenIn(tz, space.timeZone);
      const chunks =
        type === PARQUET
          ? eventCounts.parquet(id, inInstants(range, tz))
          : csvOf(EVENT_COLUMNS, eventPagesOf(eventCounts, space, range, written));
      return exports.answer(ctx, { type, name: 'events', chunks });
    },
  });
}

function exportReadings({ eventPages }: ExportsDeps, exports: Exports): Route {
  return defineRoute({
    ...COMMON,
    path: '/exports/readings',
    operationId: 'exportReadings',
    tag: 'readings',
    summary: 'Export readings as CSV or Parquet',
    description: `As \`GET /readings\`: a reading is in it once it is stored, some seconds after it was sent. ${STREAMED} ${PARQUET_NOTE}`,
    query: z.strictObject({ filter: filterOver(READING_FIELDS).optional(), ...timeZone }),
    problems: [406, 429],
    success: {
      status: 200,
      description: 'the readings, oldest first',
      alternatives: { 'text/csv': csvExample(READING_COLUMNS, READING_EXAMPLE), [PARQUET]: PARQUET_EXAMPLE },
    },
    handle: async ({ query: { filter, tz } }, ctx) => {
      const type = exportType(ctx, 'text/csv', PARQUET);
      const chunks =
        type === PARQUET
          ? eventPages.parquetOfReadings(inInstants(filter, tz))
          : csvOf(READING_COLUMNS, readingPages(eventPages, filter, writtenIn(tz)));
      return exports.answer(ctx, { type, name: 'readings', chunks });
    },
  });
}

/** @throws HttpProblem 422 if a zone is given for timestamps that have none */
function inInstants<T>(asked: T, tz: string | undefined): T {
  if (tz !== undefined) throw invalid('tz', 'cannot be combined with Parquet, whose timestamps are instants');
  return asked;
}

type Row<Columns extends readonly string[]> = { readonly [Column in Columns[number]]?: unknown };

interface IntervalsOfSpace {
  readonly space: Space;
  readonly intervals: readonly IntervalAnswer[];
}

async function* intervalAnswers(
  counts: Counts,
  spaces: readonly Space[],
  range: TimeRange,
  interval: Interval,
): AsyncGenerator<IntervalsOfSpace> {
  for (const space of spaces) {
    for (const bounds of boundsInParts(range, interval, space.timeZone, PAGE_ROWS)) {
      const bounded = bounds.map((ms) => Math.min(ms, END_MS));
      const { intervals } = await counts.intervals(space.id, bounded);
      yield { space, intervals };
    }
  }
}

async function* writtenIntervals(
  answers: AsyncIterable<IntervalsOfSpace>,
  written: Written,
): AsyncGenerator<Row<typeof SPACE_INTERVAL_COLUMNS>[]> {
  for await (const { space, intervals } of answers)
    yield intervals.map((answer) => ({ space_id: space.id, ...intervalJson(answer, space.capacity, written) }));
}

async function* intervalRows(answers: AsyncIterable<IntervalsOfSpace>): AsyncGenerator<IntervalRow[]> {
  for await (const { space, intervals } of answers)
    yield intervals.map((answer) => ({
      ...answer,
      spaceId: space.id,
      utilization: utilization(answer.count, space.capacity),
    }));
}

async function* eventPagesOf(
  counts: EventCounts,
  { id }: Space,
  range: TimeRange,
  written: Written,
): AsyncGenerator<Row<typeof EVENT_COLUMNS>[]> {
  for (let after: CountedPlace | null = null; ;) {
    const events = await (await counts.ofSpace(id, range.toMs)).page({ range, after, desc: false, limit: PAGE_ROWS });
    yield events.map((event) => eventJson(event, written));
    const last = events.at(-1);
    if (events.length < PAGE_ROWS || !last) return;
    after = countedPlaceOf(last);
  }
}

async function* readingPages(
  pages: EventPages,
  filter: ReadingsQuery['filter'],
  written: Written,
): AsyncGenerator<Row<typeof READING_COLUMNS>[]> {
  const query = { filter, sort: 'timestamp', desc: false, offset: 0, limit: PAGE_ROWS } as const;
  for (let after: EventPlace | null = null; ;) {
    const found = await pages.readings({ ...query, after });
    yield found.map((reading) => readingJson(reading, written));
    const last = found.at(-1);
    if (found.length < PAGE_ROWS || !last) return;
    after = last;
  }
}

// `density profile SPACE`: how full a space usually is, as a table of hours and weekdays.
import type { Config } from '../config.ts';
import { ApiClient, type ApiOptions } from './api-client.ts';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

export interface ProfileOptions extends ApiOptions {
  readonly json?: boolean;
  readonly start?: string;
  readonly end?: string;
  readonly above?: string;
  readonly knownAt?: string;
}

interface PassedJson {
  readonly seconds: number;
  readonly mean: number;
  readonly median: number;
  readonly p90: number;
  readonly peak: number;
  readonly entrances: number;
  readonly exits: number;
  readonly seconds_above?: number;
}

interface ProfileJson extends PassedJson {
  readonly space_id: number;
  readonly start: string;
  readonly end: string;
  readonly peak_hour: string;
  readonly hours: readonly (PassedJson & { readonly weekday: number; readonly hour: number })[];
  readonly final: boolean;
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** @returns 0. @throws ApiError if the service rejects the request */
export async function profileCommand(
  config: Config,
  space: string,
  { json, start, end, above, knownAt, ...options }: ProfileOptions,
  printLine: PrintLine,
): Promise<number> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ start, end, above, known_at: knownAt }))
    if (value !== undefined) query.set(name, value);
  const path = `/counts/${encodeURIComponent(space)}/profile?${query.toString()}`;
  const found = await new ApiClient(config, options).get<ProfileJson>(path);
  if (json) printLine(JSON.stringify(found));
  else for (const line of linesOf(found, above)) printLine(line);
  return 0;
}

function linesOf(found: ProfileJson, above: string | undefined): string[] {
  const { space_id: space, start, end, final, mean, median, p90, peak, peak_hour: peakHour } = found;
  return [
    `space ${space} from ${start} to ${end} (${final ? 'final' : 'provisional'})`,
    `${mean} people on average; at most ${median} for half of the time, ${p90} for nine tenths of it; peak ${peak} in the hour from ${peakHour}`,
    ...(found.seconds_above === undefined
      ? []
      : [
          `more than ${above ?? ''} for ${Math.round(found.seconds_above / 60)} of ${Math.round(found.seconds / 60)} minutes`,
        ]),
    'people on average, by hour of the week:',
    ...grid(found),
  ];
}

function grid({ hours }: ProfileJson): string[] {
  const means = new Map(hours.map(({ weekday, hour, mean }) => [`${weekday} ${hour}`, mean]));
  const present = [...new Set(hours.map(({ hour }) => hour))].sort((a, b) => a - b);
  return table(
    ['hour', ...WEEKDAYS],
    present.map((hour) => [
      `${String(hour).padStart(2, '0')}:00`,
      ...WEEKDAYS.map((_, day) => means.get(`${day + 1} ${hour}`)?.toFixed(1) ?? '-'),
    ]),
  );
}

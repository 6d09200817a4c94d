// Instants and what the clock shows in a zone.

export const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];
export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const formats = new Map<string, Intl.DateTimeFormat>();

function partsIn(zone: string, ms: number): Readonly<Record<string, string>> {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-u-hc-h23', {
      timeZone: zone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

/** As the value of an `<input type="datetime-local">`. */
export function localTimeIn(zone: string, ms: number): string {
  const { year, month, day, hour, minute } = partsIn(zone, ms);
  return `${year}-${month}-${day}T${hour}:${minute}`;
}

/**
 * The instant at which the clock shows this time. If a clock change repeats the time, it is either of the two instants;
 * if the change skips it, an hour before or after.
 * @returns NaN if it is not a time
 */
export function instantIn(zone: string, local: string): number {
  const shown = Date.parse(`${local}Z`);
  if (Number.isNaN(shown)) return NaN;
  // The second round corrects a guess on the other side of a clock change.
  let ms = shown;
  for (let round = 0; round < 2; round++)
    ms = shown - (Date.parse(`${localTimeIn(zone, ms)}Z`) - Math.floor(ms / MINUTE_MS) * MINUTE_MS);
  return ms;
}

export function startOfDayIn(zone: string, ms: number): number {
  return instantIn(zone, `${localTimeIn(zone, ms).slice(0, 10)}T00:00`);
}

/** Monday is 0. */
export function weekdayIn(zone: string, ms: number): number {
  return ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(partsIn(zone, ms)['weekday'] ?? '');
}

export function hourIn(zone: string, ms: number): number {
  return Number(partsIn(zone, ms)['hour']);
}

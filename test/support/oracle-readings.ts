// Readings as the oracle sees them: their ids, and which of two comes later in its series.
import type { OracleReading } from './oracle.ts';

/** True when two readings are revisions of one interval, and `a` is the later. */
export function supersedes(a: OracleReading, b: OracleReading): boolean {
  const [x, y] = [a.interval, b.interval];
  if (x?.revision === undefined || y?.revision === undefined || a.dpuId !== b.dpuId) return false;
  if (a.timestampMs !== b.timestampMs || x.startMs !== y.startMs) return false;
  const [left, right] = [
    [x.revision, x.entrances + x.exits, x.entrances, a.name ?? ''],
    [y.revision, y.entrances + y.exits, y.entrances, b.name ?? ''],
  ];
  const at = left.findIndex((value, n) => value !== right[n]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}

export function compareStandings(a: OracleReading, b: OracleReading): number {
  const key = ({ timestampMs, name = '', standing }: OracleReading): (number | string)[] => [
    timestampMs,
    name,
    standing?.entrances ?? 0,
    standing?.exits ?? 0,
    readingIdOf({ dpuId: '', timestampMs: 0, standing }),
  ];
  const [left, right] = [key(a), key(b)];
  const at = left.findIndex((value, n) => value !== right[n]);
  return at < 0 ? 0 : (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1;
}

/** The reading id, which contains all fields of the reading. */
export function readingIdOf({ dpuId, timestampMs, direction, interval, standing, place, name }: OracleReading): string {
  const token = dpuId.replace(
    /[.*>/+#=~{}()]/g,
    (character) => `=${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const text = interval
    ? [interval.entrances, interval.exits, interval.startMs].filter((part) => part !== undefined).join('-') +
      (interval.revision === undefined ? '' : `r${interval.revision}`)
    : standing
      ? `t${[standing.entrances, standing.exits, standing.epoch].filter((part) => part !== undefined).join('-')}`
      : direction === 1
        ? '+'
        : '-';
  return `${token}~${timestampMs}~${text}${place === undefined ? '' : `@${place}`}${name === undefined ? '' : `.${name}`}`;
}

/** The inverse of `readingIdOf`. */
export function parseReadingId(readingId: string, dpuId: string): OracleReading {
  const [, ms, rest = ''] = readingId.split(/~/, 3);
  const text = readingId.slice(readingId.indexOf(rest, readingId.indexOf('~') + 1));
  const [, head = '', place, name] = /^([^@.]+)(?:@([^.]+))?(?:\.(.+))?$/s.exec(text) ?? [];
  const parts = head.replace(/^t/, '').split('-');
  const common = { dpuId, timestampMs: Number(ms), place, name };
  if (head === '+' || head === '-') return { ...common, direction: head === '+' ? 1 : -1 };
  const [entrances, exits] = [Number(parts[0]), Number(parts[1])];
  if (!head.startsWith('t')) {
    const [startMs, revision] = (parts[2]?.split('r') ?? []).map(Number);
    return { ...common, interval: { entrances, exits, startMs, revision } };
  }
  return { ...common, standing: { entrances, exits, epoch: parts.length > 2 ? parts.slice(2).join('-') : undefined } };
}

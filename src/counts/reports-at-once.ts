// Reports of several spaces as of one sequence of the log. A move retracts a reading in one space and asserts it in another in one
// commit, so an answer that adds up several spaces needs all of them before that commit, or all after it.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { isKnownAt, type LogPlace } from '../domain/log-place.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';

const ATTEMPTS_MAX = 5;
const POLL_MS = 20;
/** Every fold follows the whole log, so another one is behind by milliseconds. */
const POLLS_MAX = 100;
const BEGINNING: LogPlace = { epoch: 0, seq: 0 };

/** What a report says about a space's events. */
export type EventsReport = Pick<
  KnownReport,
  'spaceId' | 'epoch' | 'seq' | 'storedBlock' | 'unstored' | 'watermarkMs' | 'isStale'
>;

/** @throws Failure unavailable if the shards do not agree on a sequence within some seconds */
export async function reportsAtOnce(
  reports: SpaceReports,
  spaceIds: readonly SpaceId[],
  atMs: number,
  timing: Pick<Timing, 'pause'>,
): Promise<EventsReport[]> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const first = await Promise.all(spaceIds.map((spaceId) => reports.report(spaceId, atMs)));
    const place = first.reduce<LogPlace>((last, report) => (isKnownAt(last, report) ? report : last), BEGINNING);
    const found: EventsReport[] = [];
    for (const before of first) {
      const after = await reportFrom(reports, before, { place, atMs, timing });
      // A block that was stored in between may have events of later commits, and these cannot be left out. Sequences of two
      // epochs cannot be compared.
      const isOfEpoch = before.epoch === place.epoch && after.epoch === place.epoch;
      if (isOfEpoch && after.storedBlock === before.storedBlock) found.push(asOf(place.seq, before, after));
    }
    if (found.length === first.length) return found;
  }
  throw behind();
}

/**
 * All events up to a sequence, which is not before that of the first report. The watermark is that of the first: a later one may
 * have passed events that are left out.
 */
function asOf(seq: number, before: EventsReport, after: EventsReport): EventsReport {
  return { ...before, seq, unstored: after.unstored.filter((event) => event.seq <= seq) };
}

interface From {
  readonly place: LogPlace;
  readonly atMs: number;
  readonly timing: Pick<Timing, 'pause'>;
}

async function reportFrom(
  reports: SpaceReports,
  known: KnownReport,
  { place, atMs, timing }: From,
): Promise<KnownReport> {
  let report = known;
  for (let poll = 0; !isKnownAt(place, report); poll++) {
    if (poll === POLLS_MAX) throw behind();
    if (poll > 0) await timing.pause(POLL_MS, NEVER);
    report = await reports.report(known.spaceId, atMs);
  }
  return report;
}

function behind(): Failure {
  return new Failure('unavailable', 'the shards of the spaces concerned are not at one place of the log', {
    retryAfterSeconds: 1,
  });
}

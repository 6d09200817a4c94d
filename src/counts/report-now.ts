// The report that an answer for now is computed from.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { SpaceReports } from '../ports/reports.ts';

/** @param nowMs by this machine's clock; the log's clock replaces it if that is later (K1) */
export async function reportNow(
  reports: SpaceReports,
  spaceId: SpaceId,
  nowMs: number,
  allowsStale: boolean,
): Promise<{ readonly report: KnownReport; readonly instantMs: number }> {
  let [report, instantMs] = [await reports.report(spaceId, nowMs, allowsStale), nowMs];
  // This machine's clock is behind: "now" is never before what the log has already stored.
  if (report.logMs > instantMs) {
    instantMs = report.logMs;
    report = await reports.report(spaceId, instantMs, allowsStale);
  }
  return { report, instantMs };
}

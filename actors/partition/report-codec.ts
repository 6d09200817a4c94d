// A space's report as bytes, on its way from the owner of its shard to whoever was asked.
import type { KnownReport } from './space-report.ts';
import { fromLoggedTuple, toLoggedTuple, type LoggedTuple } from './snapshot.ts';

type WireReport = Omit<KnownReport, 'unstored'> & { readonly unstored: readonly LoggedTuple[] };

export function encodeReport(report: KnownReport): string {
  const wire: WireReport = { ...report, unstored: report.unstored.map(toLoggedTuple) };
  return JSON.stringify(wire);
}

/** Reads what `encodeReport` of the same version of this code wrote. */
export function decodeReport(text: string): KnownReport {
  const wire = JSON.parse(text) as WireReport;
  return { ...wire, unstored: wire.unstored.map(fromLoggedTuple) };
}

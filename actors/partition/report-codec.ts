// A space's report as text, as the owner of its shard sends it to the process that asks.
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

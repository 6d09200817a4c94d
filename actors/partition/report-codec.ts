// The text form of a space's report, which the owner of its shard sends to the process that asks.
import type { KnownReport } from './space-report.ts';
import { fromLoggedTuple, toLoggedTuple, type LoggedTuple } from './snapshot.ts';
import { fromStoredOccupancy, toStoredOccupancy, type StoredOccupancy } from './stored-occupancy.ts';

type WireReport = Omit<KnownReport, 'epoch' | 'unstored' | 'live'> & {
  /** Missing if the sender has an older version. */
  readonly epoch?: number;
  readonly unstored: readonly LoggedTuple[];
  readonly live: StoredOccupancy;
};

export function encodeReport(report: KnownReport): string {
  const wire: WireReport = {
    ...report,
    unstored: report.unstored.map(toLoggedTuple),
    live: toStoredOccupancy(report.live),
  };
  return JSON.stringify(wire);
}

/** Reads the output of `encodeReport` of the same version of this code. */
export function decodeReport(text: string): KnownReport {
  const wire = JSON.parse(text) as WireReport;
  return {
    ...wire,
    epoch: wire.epoch ?? 0,
    unstored: wire.unstored.map(fromLoggedTuple),
    live: fromStoredOccupancy(wire.live),
  };
}

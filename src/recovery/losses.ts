// The losses of NATS so far, as recorded by repairs of the logs. Read once per epoch and cached.
import type { LogEpoch } from '../domain/log-epoch.ts';
import type { EpochRecords } from '../ports/recovery.ts';
import { describeLosses } from './describe-losses.ts';
import type { RepairReport } from './repair-logs.ts';

const REPORTS_MAX = 100;

export interface Loss {
  /** The epoch that the repair began. */
  readonly epoch: number;
  readonly atMs: number;
  readonly detail: string;
  /** Lost messages of READINGS that had been routed, or that it does not return although it holds them. */
  readonly readings: number;
  /** Lost commits of SPACE_EVENTS. */
  readonly commits: number;
  /** Lost entries of TOPOLOGY that could not be restored. */
  readonly topology: number;
}

export class Losses {
  readonly #records: Pick<EpochRecords, 'reports'>;
  readonly #epoch: LogEpoch;
  #known: readonly Loss[] = [];
  #knownEpoch = 0;

  constructor(records: Pick<EpochRecords, 'reports'>, epoch: LogEpoch) {
    this.#records = records;
    this.#epoch = epoch;
  }

  /** The losses that this process has read so far. */
  get known(): readonly Loss[] {
    return this.#known;
  }

  /** All losses, newest first. While ClickHouse does not answer, those that are already known. */
  async read(): Promise<readonly Loss[]> {
    const { current } = this.#epoch;
    if (this.#knownEpoch === current) return this.#known;
    const reports = await this.#records.reports(REPORTS_MAX).catch(() => undefined);
    if (!reports) return this.#known;
    this.#known = reports.map(({ epoch, atMs, report }) => lossOf(epoch, atMs, JSON.parse(report) as RepairReport));
    this.#knownEpoch = current;
    return this.#known;
  }
}

function lossOf(epoch: number, atMs: number, report: RepairReport): Loss {
  return {
    epoch,
    atMs,
    detail: describeLosses(report),
    readings: (report.readings?.messages ?? 0) + (report.unreadable?.messages ?? 0),
    commits: report.commits?.messages ?? 0,
    topology: report.topology.lost,
  };
}

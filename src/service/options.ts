// The options with which a service is started. The command line derives them from the configuration.
import type { TableOptions } from '../clickhouse/schema.ts';
import type { Settings } from '../domain/topology.ts';
import type { NatsSecurity } from '../nats/connect.ts';

export interface ServiceOptions {
  readonly natsUrl: string;
  readonly natsSecurity?: NatsSecurity;
  readonly clickhouseUrl: string;
  /** How missing tables are created; by default for a single server. */
  readonly tables?: TableOptions;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: Settings;
  /** How far ahead of its arrival a reading's timestamp may be. */
  readonly skewMs: number;
  /** Readings with earlier timestamps are rejected, because the device has not set its clock. */
  readonly earliestMs: number;
  /** Key for the marks on readings accepted over HTTP, the same in every process; without one they are not marked. */
  readonly readingsKey?: string | undefined;
  readonly tickIntervalMs: number;
  /** The minimum time that READINGS keeps readings. */
  readonly readingsKeptMs: number;
  /** The share of the NATS server's store that the streams may use; undefined means the limit of the account. */
  readonly natsStoreBytes?: number | undefined;
  readonly deadLetters: { readonly bytesMax: number; readonly keptMs: number };
  /** Live streams: the maximum number of subscribers, and the interval of heartbeats. */
  readonly subscribersMax: number;
  readonly heartbeatMs: number;
  /** Name of this process in logs and in the list of members. */
  readonly nodeName: string;
  /** See Member.instanceId. */
  readonly instanceId?: string | undefined;
  /** False for a process that answers requests and owns no shards. */
  readonly takesShards: boolean;
  /** True to keep warm copies of other processes' shards. */
  readonly standsBy: boolean;
  readonly leaseTtlMs: number;
  /** This machine's clock; `Date.now` by default. */
  readonly now?: () => number;
}

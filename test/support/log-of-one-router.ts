import { encodeCommit } from '../../src/domain/commit-codec.ts';
import type { Partition } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { commitHeader } from './commit-header.ts';

export const ROUTER = 0 as Partition;

export interface CommitOfOneRouter {
  readonly events: readonly SpaceEvent[];
  readonly clockMs: number;
}

/** SPACE_EVENTS of one partition and its router: settings first, then each commit. */
export function logOfOneRouter(commits: readonly CommitOfOneRouter[], settings: Settings, epoch = 0): StoredEntry[] {
  return commits.map(({ events, clockMs }, n) => {
    const header = commitHeader({
      router: ROUTER,
      epoch,
      commitId: `c${n}`,
      previousSeq: n,
      readingsSeq: n,
      previousReadingsSeq: n,
      clockMs,
    });
    const section = { events, heartbeats: [], configs: [], settings: n === 0 ? settings : undefined };
    return {
      seq: n + 1,
      timeMs: clockMs,
      subject: 'routers.0',
      data: encodeCommit(header, new Map([[ROUTER, section]])),
    };
  });
}

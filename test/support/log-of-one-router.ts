import type { Partition } from '../../src/domain/ids.ts';
import { encodePosition, encodeSpaceEntry, type PositionEntry, type StoredEntry } from '../../src/domain/log-entry.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import type { Settings } from '../../src/domain/topology.ts';

export const ROUTER = 0 as Partition;

export interface LoggedCommit {
  readonly events: readonly SpaceEvent[];
  readonly clockMs: number;
}

/** SPACE_EVENTS of one partition and its router: settings first, then each commit. */
export function logOfOneRouter(commits: readonly LoggedCommit[], settings: Settings): StoredEntry[] {
  const entries: StoredEntry[] = [];
  let previousSeq = 0;
  commits.forEach(({ events, clockMs }, n) => {
    const add = (subject: string, data: Uint8Array): number => entries.push({ seq: entries.length + 1, timeMs: clockMs, subject, data });
    add('spaces.0', encodeSpaceEntry({ events, heartbeats: [], configs: [], settings: n === 0 ? settings : undefined }));
    const position: PositionEntry = {
      kind: 'position', router: ROUTER, commitId: `c${n}`, previousSeq, payloads: { [ROUTER]: 1 }, readingsSeq: n, previousReadingsSeq: n, backlogs: [], isMove: false, topologySeq: 0,
      reattribution: null, previousFormSeq: 0, clockMs, counters: { received: 0, fresh: 0, held: 0, duplicate: 0, dead: 0 },
    };
    previousSeq = add('routers.0', encodePosition(position));
  });
  return entries;
}

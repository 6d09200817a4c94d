import type { CommitHeader } from '../../src/domain/commit.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';

/** The header of a commit that consumes and asserts nothing, apart from the given fields. */
export function commitHeader(fields: Partial<CommitHeader> = {}): CommitHeader {
  return {
    router: 0 as Partition,
    epoch: 0,
    commitId: 'c',
    previousSeq: 0,
    readingsSeq: 0,
    readingsMark: null,
    waiting: [],
    previousReadingsSeq: 0,
    isMove: false,
    topologySeq: 0,
    topologyDigest: null,
    reattribution: null,
    clockMs: BEGINNING_MS,
    counters: { received: 0, fresh: 0, held: 0, excluded: 0, deleted: 0, duplicate: 0, dead: 0 },
    ...fields,
  };
}

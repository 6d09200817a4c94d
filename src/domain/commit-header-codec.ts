// The bytes of the header of a commit (docs/schema.md has the layout).
import type { ByteReader, ByteWriter } from './bytes.ts';
import type { CommitHeader, Reattribution, WaitingRange } from './commit.ts';
import { invariant } from './failure.ts';
import type { DpuId, Partition } from './ids.ts';

/** The version that is written. */
export const VERSION = 7;
/**
 * Version 6 names what waits by subject, and processes that wrote it ignore a setting that decides which rows a block has.
 * Version 5 lacks deleted readings. Version 4 lacks excluded readings and the count of a daily reset. Version 3 also has
 * only readings of one person. Version 2 lacks epochs and marks, too.
 */
export const [VERSION_2, VERSION_4, VERSION_6] = [2, 4, 6];
const VERSION_5 = 5;
const [HAS_READINGS_MARK, HAS_TOPOLOGY_DIGEST] = [1, 2];

type Marks = Pick<CommitHeader, 'epoch' | 'readingsMark' | 'topologyDigest'>;
const NO_MARKS: Marks = { epoch: 0, readingsMark: null, topologyDigest: null };

export function writeHeader(writer: ByteWriter, header: CommitHeader): void {
  const { counters, reattribution } = header;
  writer.uint(header.router);
  writer.text(header.commitId);
  writer.uint(header.previousSeq);
  writer.uint(header.readingsSeq);
  writeWaiting(writer, header.waiting);
  writer.uint(header.previousReadingsSeq);
  writer.byte(header.isMove ? 1 : 0);
  writer.uint(header.topologySeq);
  writer.byte(reattribution ? 1 : 0);
  if (reattribution) writeReattribution(writer, reattribution);
  writer.int(header.clockMs);
  const { received, fresh, held, duplicate, dead, excluded, deleted } = counters;
  for (const count of [received, fresh, held, duplicate, dead, excluded, deleted]) {
    // A commit that cannot be read would stop every fold.
    invariant(count >= 0, () => `router ${header.router} counts ${JSON.stringify(counters)}`);
    writer.uint(count);
  }
  writeMarks(writer, header);
}

/** Without spread properties, which take several times as long: a process reads very many headers when it starts. */
export function readHeader(reader: ByteReader, version: number): CommitHeader {
  const [router, commitId, previousSeq] = [reader.uint() as Partition, reader.text(), reader.uint()];
  const readingsSeq = reader.uint();
  const waiting = version > VERSION_6 ? readWaiting(reader) : readBacklogs(reader, readingsSeq);
  const previousReadingsSeq = reader.uint();
  const isMove = reader.byte() === 1;
  const topologySeq = reader.uint();
  const reattribution = reader.byte() === 1 ? readReattribution(reader) : null;
  const clockMs = reader.int();
  const counters = {
    received: reader.uint(),
    fresh: reader.uint(),
    held: reader.uint(),
    duplicate: reader.uint(),
    dead: reader.uint(),
    excluded: version > VERSION_4 ? reader.uint() : 0,
    deleted: version > VERSION_5 ? reader.uint() : 0,
  };
  const { epoch, readingsMark, topologyDigest } = version === VERSION_2 ? NO_MARKS : readMarks(reader);
  return {
    router,
    epoch,
    commitId,
    previousSeq,
    readingsSeq,
    readingsMark,
    waiting,
    previousReadingsSeq,
    isMove,
    topologySeq,
    topologyDigest,
    reattribution,
    clockMs,
    counters,
  };
}

/** Sequences are written as differences, so that a range takes a few bytes. */
function writeWaiting(writer: ByteWriter, waiting: readonly WaitingRange[]): void {
  writer.uint(waiting.length);
  let before = 0;
  for (const { subject, fromSeq, toSeq, index } of waiting) {
    writer.text(subject ?? '');
    writer.int(fromSeq - before);
    writer.uint(toSeq - fromSeq);
    writer.uint(index);
    before = fromSeq;
  }
}

function readWaiting(reader: ByteReader): WaitingRange[] {
  let before = 0;
  return Array.from({ length: reader.uint() }, (): WaitingRange => {
    const subject = reader.text();
    const fromSeq = (before += reader.int());
    return { subject: subject === '' ? null : subject, fromSeq, toSeq: fromSeq + reader.uint(), index: reader.uint() };
  });
}

function readBacklogs(reader: ByteReader, readingsSeq: number): WaitingRange[] {
  return Array.from({ length: reader.uint() }, (): WaitingRange => ({
    subject: reader.text(),
    fromSeq: reader.uint(),
    toSeq: readingsSeq,
    index: reader.uint(),
  }));
}

function writeMarks(writer: ByteWriter, { epoch, readingsMark, topologyDigest }: CommitHeader): void {
  writer.uint(epoch);
  writer.byte((readingsMark ? HAS_READINGS_MARK : 0) | (topologyDigest === null ? 0 : HAS_TOPOLOGY_DIGEST));
  if (readingsMark) {
    writer.int(readingsMark.timeMs);
    writer.uint(readingsMark.digest);
  }
  if (topologyDigest !== null) writer.uint(topologyDigest);
}

function readMarks(reader: ByteReader): Marks {
  const epoch = reader.uint();
  const marks = reader.byte();
  return {
    epoch,
    readingsMark: marks & HAS_READINGS_MARK ? { timeMs: reader.int(), digest: reader.uint() } : null,
    topologyDigest: marks & HAS_TOPOLOGY_DIGEST ? reader.uint() : null,
  };
}

function writeReattribution(writer: ByteWriter, { toSeq, after }: Reattribution): void {
  writer.uint(toSeq);
  writer.text(after.dpuId);
  writer.int(after.timestampMs);
  writer.text(after.readingId);
}

function readReattribution(reader: ByteReader): Reattribution {
  return {
    toSeq: reader.uint(),
    after: { dpuId: reader.text() as DpuId, timestampMs: reader.int(), readingId: reader.text() },
  };
}

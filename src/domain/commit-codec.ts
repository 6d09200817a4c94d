// The bytes of a commit (docs/schema.md has the layout). A header, a directory with the length of each partition's
// section, then the sections, so that a reader decodes only the columns of its partitions.
import type { DoorwayId, DpuId, Partition, SpaceId } from './ids.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { readHeader, VERSION, VERSION_2, VERSION_4, VERSION_6, writeHeader } from './commit-header-codec.ts';
import type {
  CommitHeader,
  Heartbeat,
  LoggedCommit,
  LoggedSection,
  PartitionSection,
  Sections,
  SpaceConfig,
} from './commit.ts';
import { directionOf, isPerson, personMeasure, type Measure } from './measure.ts';
import { namedEvent, unnamedEvent, type LoggedEvent, type StoredEntry, type UnnamedEvent } from './log-entry.ts';
import type { SpaceEvent } from './space-event.ts';
import { withoutRepeatedLateBlockAge, type Settings } from './topology.ts';

/** The first byte of an entry of version 1, which was JSON. */
const VERSION_1 = '{'.charCodeAt(0);
/** Bits of an event's flags. In version 3 the first two are equal, and INTO means that the space gains a person. */
const [ENTERS, INTO, ASSERTS, PRIMARY, NAMED, PREVIOUS_ID, MEASURED] = [1, 2, 4, 8, 16, 32, 64];
/** The maximum size of an event without its DPU id, its measure and its name. */
const EVENT_BYTES_MAX = 40;

/** The log holds an entry that another version of the service wrote. */
export class UnknownCommitVersion extends Error {
  override readonly name = 'UnknownCommitVersion';
}

/** Shown in place of an unreadable commit id. */
export const UNREADABLE = '';

/** True if a commit was written by another version of the service, or is not a commit. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof UnknownCommitVersion || error instanceof RangeError;
}

/** The id of the commit in an entry of SPACE_EVENTS. */
export function commitIdIn(entry: Pick<StoredEntry, 'seq' | 'data'>): string {
  try {
    return decodeCommit(entry).header.commitId;
  } catch (error) {
    if (isUnreadable(error)) return UNREADABLE;
    throw error;
  }
}

/** An upper bound for the bytes that an event adds to a commit. */
export function eventBytesMax({ dpuId, measure, name }: SpaceEvent): number {
  return EVENT_BYTES_MAX + dpuId.length + measure.length + (name?.length ?? 0);
}

export function encodeCommit(header: CommitHeader, sections: Sections): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(VERSION);
  writeHeader(writer, header);
  const encoded = [...sections].map(([partition, section]) => ({ partition, bytes: encodeSection(section) }));
  writer.uint(encoded.length);
  for (const { partition, bytes } of encoded) {
    writer.uint(partition);
    writer.uint(bytes.length);
  }
  for (const { bytes } of encoded) writer.raw(bytes);
  return writer.finish();
}

class EncodedCommit implements LoggedCommit {
  readonly header: CommitHeader;
  readonly #data: Uint8Array;
  readonly #seq: number;
  readonly #version: number;
  /** By partition: the start and the end of its section. */
  readonly #sections = new Map<Partition, readonly [start: number, end: number]>();

  constructor({ seq, data }: Pick<StoredEntry, 'seq' | 'data'>) {
    const reader = new ByteReader(data);
    const version = reader.byte();
    if (version === VERSION_1)
      throw new UnknownCommitVersion(
        'SPACE_EVENTS holds entries of version 1, which this version of the service does not read: run density migrate',
      );
    if (version < VERSION_2 || version > VERSION)
      throw new UnknownCommitVersion(
        `SPACE_EVENTS holds an entry of version ${version}, and this version of the service reads ${VERSION_2} to ${VERSION}`,
      );
    this.header = readHeader(reader, version);
    const lengths = Array.from({ length: reader.uint() }, () => [reader.uint() as Partition, reader.uint()] as const);
    let start = reader.at;
    for (const [partition, length] of lengths) {
      this.#sections.set(partition, [start, start + length]);
      start += length;
    }
    if (start !== data.length)
      throw new RangeError(`commit ${seq} has ${data.length} bytes, but its directory ends at ${start}`);
    this.#data = data;
    this.#seq = seq;
    this.#version = version;
  }

  get partitions(): Iterable<Partition> {
    return this.#sections.keys();
  }

  concerns(partition: Partition): boolean {
    return this.#sections.has(partition);
  }

  section(partition: Partition): LoggedSection | undefined {
    const place = this.#sections.get(partition);
    return place && decodeSection(new ByteReader(this.#data, place[0], place[1]), this.#seq, this.#version);
  }
}

/**
 * @throws UnknownCommitVersion, or RangeError if the bytes are not a complete commit
 */
export function decodeCommit(entry: Pick<StoredEntry, 'seq' | 'data'>): LoggedCommit {
  return new EncodedCommit(entry);
}

const decoded = new WeakMap<StoredEntry, LoggedCommit>();

/** Decodes an entry once and caches the result with it, because all partitions of a process read the same entry. */
export function commitOf(entry: StoredEntry): LoggedCommit {
  let commit = decoded.get(entry);
  if (!commit) decoded.set(entry, (commit = new EncodedCommit(entry)));
  return commit;
}

/** Numbers the DPUs of a section in order of appearance. */
class Dictionary {
  readonly ids: DpuId[] = [];
  readonly #numbers = new Map<DpuId, number>();

  numberOf(id: DpuId): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      this.#numbers.set(id, (number = this.ids.length));
      this.ids.push(id);
    }
    return number;
  }
}

function encodeSection({ events, heartbeats, configs, settings }: PartitionSection): Uint8Array {
  const writer = new ByteWriter();
  const dpus = new Dictionary();
  const numbers = events.map(({ dpuId }) => dpus.numberOf(dpuId));
  const beats = heartbeats.map(({ dpuId }) => dpus.numberOf(dpuId));
  writer.uint(dpus.ids.length);
  for (const id of dpus.ids) writer.text(id);
  writer.uint(events.length);
  for (const number of numbers) writer.uint(number);
  writeEvents(writer, events);
  writer.uint(heartbeats.length);
  for (const number of beats) writer.uint(number);
  for (const { spaceId } of heartbeats) writer.uint(spaceId);
  writeInstants(writer, heartbeats);
  writer.uint(configs.length);
  for (const config of configs) writeConfig(writer, config);
  writer.text(settings ? JSON.stringify(settings) : '');
  return writer.finish();
}

function writeEvents(writer: ByteWriter, events: readonly SpaceEvent[]): void {
  for (const { spaceId } of events) writer.uint(spaceId);
  for (const { doorwayId } of events) writer.uint(doorwayId);
  writeInstants(writer, events);
  for (const event of events) writer.byte(flagsOf(event));
  for (const event of events) {
    if (!isPerson(event.measure)) {
      writer.text(event.measure);
      writer.uint(event.entrances);
      writer.uint(event.exits);
    }
    if (event.name !== undefined) writer.text(event.name);
  }
}

function flagsOf({ measure, isEgress, sign, primary, name, hasPreviousId }: SpaceEvent): number {
  const enters = directionOf(measure) > 0;
  return (
    (isPerson(measure) ? 0 : MEASURED) |
    (enters ? ENTERS : 0) |
    (enters !== isEgress ? INTO : 0) |
    (sign > 0 ? ASSERTS : 0) |
    (primary ? PRIMARY : 0) |
    (name === undefined ? 0 : NAMED) |
    (hasPreviousId ? PREVIOUS_ID : 0)
  );
}

/** Writes each value as its difference to the previous one. */
function writeInstants(writer: ByteWriter, items: readonly { readonly timestampMs: number }[]): void {
  let before = 0;
  for (const { timestampMs } of items) {
    writer.int(timestampMs - before);
    before = timestampMs;
  }
}

function decodeSection(reader: ByteReader, seq: number, version: number): LoggedSection {
  const dpus = Array.from({ length: reader.uint() }, () => reader.text() as DpuId);
  const dpuOf = (): DpuId => {
    const id = dpus[reader.uint()];
    if (id === undefined) throw new RangeError(`commit ${seq} names a DPU that is not in its dictionary`);
    return id;
  };
  const events = readEvents(reader, dpuOf, seq);
  const beats = Array.from({ length: reader.uint() }, dpuOf);
  const spaces = beats.map(() => reader.uint() as SpaceId);
  const instants = readInstants(reader, beats.length);
  const heartbeats = beats.map((dpuId, at): Heartbeat => ({
    spaceId: spaces[at] as SpaceId,
    dpuId,
    timestampMs: instants[at] as number,
  }));
  const configs = Array.from({ length: reader.uint() }, () => readConfig(reader, version));
  return { events, heartbeats, configs, settings: settingsIn(reader.text(), version) };
}

function settingsIn(text: string, version: number): Settings | undefined {
  if (text === '') return undefined;
  const settings = JSON.parse(text) as Settings;
  return version > VERSION_6 ? settings : withoutRepeatedLateBlockAge(settings);
}

function readEvents(reader: ByteReader, dpuOf: () => DpuId, seq: number): LoggedEvent[] {
  const dpus = Array.from({ length: reader.uint() }, dpuOf);
  const spaces = dpus.map(() => reader.uint() as SpaceId);
  const doorways = dpus.map(() => reader.uint() as DoorwayId);
  const instants = readInstants(reader, dpus.length);
  const flags = dpus.map(() => reader.byte());
  return dpus.map((dpuId, at): LoggedEvent => {
    const flag = flags[at] as number;
    const [enters, isInto] = [(flag & ENTERS) !== 0, (flag & INTO) !== 0];
    const isMeasured = (flag & MEASURED) !== 0;
    const event: UnnamedEvent = {
      spaceId: spaces[at] as SpaceId,
      dpuId,
      doorwayId: doorways[at] as DoorwayId,
      timestampMs: instants[at] as number,
      measure: isMeasured ? (reader.text() as Measure) : personMeasure(enters ? 1 : -1),
      entrances: isMeasured ? reader.uint() : isInto ? 1 : 0,
      exits: isMeasured ? reader.uint() : isInto ? 0 : 1,
      isEgress: enters !== isInto,
      sign: flag & ASSERTS ? 1 : -1,
      primary: (flag & PRIMARY) !== 0,
    };
    return flag & NAMED ? namedEvent(event, reader.text(), (flag & PREVIOUS_ID) !== 0, seq) : unnamedEvent(event, seq);
  });
}

function readInstants(reader: ByteReader, count: number): number[] {
  let before = 0;
  return Array.from({ length: count }, () => (before += reader.int()));
}

function writeConfig(writer: ByteWriter, config: SpaceConfig): void {
  const { spaceId, timeZone, dailyReset, dailyResetCount, dpus, resets } = config;
  writer.uint(spaceId);
  writer.text(timeZone);
  writer.text(dailyReset ?? '');
  writer.uint(dpus.length);
  for (const { dpuId, fromMs, toMs } of dpus) {
    writer.text(dpuId);
    writer.int(fromMs);
    writer.int(toMs);
  }
  writer.uint(resets.length);
  for (const { timestampMs, count } of resets) {
    writer.int(timestampMs);
    writer.int(count);
  }
  writer.uint(dailyResetCount);
}

function readConfig(reader: ByteReader, version: number): SpaceConfig {
  const [spaceId, timeZone, dailyReset] = [reader.uint() as SpaceId, reader.text(), reader.text()];
  const dpus = Array.from({ length: reader.uint() }, () => ({
    dpuId: reader.text() as DpuId,
    fromMs: reader.int(),
    toMs: reader.int(),
  }));
  const resets = Array.from({ length: reader.uint() }, () => ({ timestampMs: reader.int(), count: reader.int() }));
  const dailyResetCount = version > VERSION_4 ? reader.uint() : 0;
  return { spaceId, timeZone, dailyReset: dailyReset === '' ? null : dailyReset, dailyResetCount, dpus, resets };
}

/** An upper bound for the bytes that a configuration adds to a commit. */
export function configBytesMax({ dpus, resets }: SpaceConfig): number {
  return 70 + dpus.reduce((sum, { dpuId }) => sum + dpuId.length + 18, 0) + resets.length * 16;
}

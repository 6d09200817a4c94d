// The subject of an entry of READINGS: `readings.<k>.<token>.<levels>`, where the token is that of a device and the levels
// are the rest of its topic, or `readings.<k>.tick`.
import { dpuOfToken, type DpuId } from './ids.ts';
import { kindOf, type TopicKind } from './topic.ts';

export interface EntrySubject {
  /** The device; undefined if the token is none of a device. */
  readonly dpuId: DpuId | undefined;
  /** Empty for a tick. */
  readonly levels: readonly string[];
  /** What the levels say; undefined if they are neither for readings nor for heartbeats. */
  readonly kind: TopicKind | undefined;
}

/** These bound the memory for subjects, which come from outside. */
const REMEMBERED_MAX = 50_000;
const REMEMBERED_LENGTH_MAX = 200;
const remembered = new Map<string, EntrySubject>();

/**
 * Remembers what it has parsed, because the few subjects of a device come again with each of its messages. So all
 * readings of a device share the text of its id, too.
 */
export function entrySubjectOf(subject: string): EntrySubject {
  if (subject.length > REMEMBERED_LENGTH_MAX) return parse(subject);
  let found = remembered.get(subject);
  if (!found) {
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(subject, (found = parse(subject)));
  }
  return found;
}

function parse(subject: string): EntrySubject {
  const [, , token, ...levels] = subject.split('.');
  return { dpuId: dpuOfToken(token), levels, kind: kindOf(levels) };
}

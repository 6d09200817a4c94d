// The topic of a device below `dpu.`: its token, then `readings` or `heartbeat`. Devices often misspell the latter,
// and MQTT acknowledges the message anyway. So common misspellings are accepted, and messages with any other topic
// are stored as well.
//
// nats-server turns each `/` of an MQTT topic into a `.`. An empty level (before the first slash, after the last, or
// between two) becomes the level `/`.

export type TopicKind = 'readings' | 'heartbeat';

const KINDS: ReadonlyMap<string, TopicKind> = new Map([
  ['readings', 'readings'],
  ['reading', 'readings'],
  ['heartbeat', 'heartbeat'],
  ['heartbeats', 'heartbeat'],
]);
const EMPTY_LEVEL = '/';
/** NATS closes the connection of a client that sends a subject of 4 KB; an MQTT topic may have 64 KB. */
const LENGTH_MAX = 1_000;
const UNPUBLISHABLE = /[^\x21-\x7e]|[*>]/gu;
const encoder = new TextEncoder();

/** The kind of the levels after a DPU's token; undefined if they match none. */
export function kindOf(levels: readonly string[]): TopicKind | undefined {
  if (levels.length === 1 && levels[0] === 'readings') return 'readings';
  const named = levels.filter((level) => level !== EMPTY_LEVEL);
  return named.length === 1 ? KINDS.get(named[0]?.toLowerCase() ?? '') : undefined;
}

/**
 * The topic in a form to which a NATS client can publish: of limited length, without wildcards, and with a level
 * after the token. Escaped like DPU ids, so that a token never becomes that of another DPU.
 */
export function publishableTopic(topic: string): string {
  const escaped = topic.replace(UNPUBLISHABLE, escape).slice(0, LENGTH_MAX).replace(/\.+$/, '');
  return escaped.includes('.') ? escaped : `${escaped}.${EMPTY_LEVEL}`;
}

function escape(character: string): string {
  return [...encoder.encode(character)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

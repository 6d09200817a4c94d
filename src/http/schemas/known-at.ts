// `known_at`, and the place of an answer, `as_of`.
import { AS_OF_PATTERN, formatAsOf, parseAsOf, type AsOf } from '../../domain/as-of.ts';
import { parseInstant } from '../../domain/instant.ts';
import type { KnownAt } from '../../counts/as-known.ts';
import type { SpaceId } from '../../domain/ids.ts';
import type { StoredKnownAt } from '../../counts/stored-places.ts';
import { formatStoredPlace, parseStoredPlace } from '../../domain/stored-place.ts';
import { formatTopologyAsOf, parsePlace } from '../../domain/topology-place.ts';
import type { TopologyKnownAt } from '../../domain/known-topology.ts';
import { field } from './fields.ts';

const EXAMPLE: AsOf = {
  spaceId: 1 as SpaceId,
  epoch: 0,
  seq: 81_237,
  topologySeq: 57,
  topologyDigest: 2_417_503_112,
  watermarkMs: Date.UTC(2018, 1, 26, 15, 33, 42, 120),
  atMs: Date.UTC(2018, 1, 26, 15, 34),
  isStale: false,
};
export const AS_OF_EXAMPLE = formatAsOf(EXAMPLE);

const ERROR =
  'must be the as_of of an answer about counts, or an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';
const NOTE =
  'answer with what was known at an earlier moment: the `as_of` of an answer gives the same answer again; a time gives the answer at the newest place in the log that was recorded up to then';

const SINCE = 'the earlier moment, as `known_at` takes it: the `as_of` of an answer about the space, or a time';

/** @param note what else to say about it */
export const knownAtInQuery = (note = '') =>
  field(
    { type: 'string', maxLength: 10_000, description: `${NOTE}${note}`, examples: [AS_OF_EXAMPLE] },
    ERROR,
    (value) => (typeof value === 'string' ? parseKnownAt(value) : undefined),
  );

const TOPOLOGY_AS_OF_EXAMPLE = formatTopologyAsOf({
  ...{ seq: EXAMPLE.topologySeq, digest: EXAMPLE.topologyDigest, atMs: EXAMPLE.atMs },
});
const PASSAGES_ERROR =
  'must be the as-of of an answer about entrances and exits, the as_of of a count, or an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';

/** For entrances and exits of doorways and DPUs. Without a space, their place is one in the topology log. */
export const passagesKnownAtInQuery = () =>
  field(
    {
      type: 'string',
      maxLength: 10_000,
      description:
        'answer with what was known at an earlier moment: the header `as-of` of an answer gives the same answer again (`counts-…`, or `topology-…` of a sensor that was at no doorway); the `as_of` of a count of the space gives the answer at its place, unless readings had been moved there by a change that the count did not know; a time gives the answer at the newest place in the log that was recorded up to then',
      examples: [AS_OF_EXAMPLE, TOPOLOGY_AS_OF_EXAMPLE],
    },
    PASSAGES_ERROR,
    (value) => {
      if (typeof value !== 'string') return undefined;
      const place = parsePlace(value);
      return place ? { place } : parseKnownAt(value);
    },
  );

const TOPOLOGY_ERROR =
  'must be the as_of of an answer, or an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';

/** For the topology. It also takes the place of an answer about counts, which contains one in the topology log. */
export const topologyKnownAt = {
  known_at: field(
    {
      type: 'string',
      maxLength: 100,
      description:
        'answer with the topology as it was known at an earlier moment: the header `as-of` of an answer gives the same answer again, and so does the `as_of` of a dry run or of an answer about counts give the topology that it used; a time gives the topology as it was stored then',
      examples: [TOPOLOGY_AS_OF_EXAMPLE],
    },
    TOPOLOGY_ERROR,
    (value) => (typeof value === 'string' ? parseTopologyKnownAt(value) : undefined),
  ).optional(),
};

function parseTopologyKnownAt(text: string): TopologyKnownAt | undefined {
  return timeOr(text, () => {
    const counts = parseAsOf(text);
    const place = counts
      ? { seq: counts.topologySeq, digest: counts.topologyDigest, atMs: counts.atMs }
      : parsePlace(text);
    return place && { place };
  });
}

const STORED_EXAMPLE = formatStoredPlace({
  topology: { seq: EXAMPLE.topologySeq, digest: EXAMPLE.topologyDigest },
  blocks: [412, 87, 0, 1_031],
});
const STORED_ERROR =
  'must be the as-of of a list of readings or counts, or an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';

/** For lists over all spaces or sensors. */
export const storedKnownAt = {
  known_at: field(
    {
      type: 'string',
      maxLength: 4_000,
      description:
        'answer with what was stored at an earlier moment: the header `as-of` of an answer gives the same answer again, and so does that of another list over all spaces or sensors; a time gives what each shard had recorded up to then',
      examples: [STORED_EXAMPLE],
    },
    STORED_ERROR,
    (value) => (typeof value === 'string' ? parseStoredKnownAt(value) : undefined),
  ).optional(),
};

function parseStoredKnownAt(text: string): StoredKnownAt | undefined {
  return timeOr(text, () => {
    const place = parseStoredPlace(text);
    return place && { place };
  });
}

/** A time; otherwise what `placeIn` finds in the text. */
function timeOr<Place>(text: string, placeIn: () => Place | undefined): { atMs: number } | Place | undefined {
  // A client that does not encode the plus of `+01:00` sends a space.
  const atMs = parseInstant(text.replace(/ (?=\d\d:?\d\d$)/, '+'));
  return atMs === undefined ? placeIn() : { atMs };
}

export const sinceInQuery = () =>
  field({ type: 'string', maxLength: 10_000, description: SINCE, examples: [AS_OF_EXAMPLE] }, ERROR, (value) =>
    typeof value === 'string' ? parseKnownAt(value) : undefined,
  );

function parseKnownAt(text: string): KnownAt | undefined {
  return timeOr(text, () => {
    const places = text.split(',').map(parseAsOf);
    return places.every((place) => place !== undefined) ? { asOf: places } : undefined;
  });
}

export const AS_OF = {
  pattern: AS_OF_PATTERN,
  description:
    'the place of the answer in the logs: `known_at` takes it, and gives the same answer again, whatever has become known since',
  examples: [AS_OF_EXAMPLE],
} as const;

/** For answers about the topology. */
export const TOPOLOGY_AS_OF_HEADER = {
  'as-of': {
    description:
      'the place of the answer in the topology log, with the instant of the question: `known_at` takes it, and gives the same answer again; so does `if-match` of a change',
  },
} as const;

/** For lists over all spaces or sensors. */
export const STORED_AS_OF_HEADER = {
  'as-of': {
    description:
      'the place of the answer: which blocks of each shard were stored, and where the topology was. `known_at` takes it, and gives the same answer again. Absent while a shard has no owner that could say what it has stored',
  },
} as const;

/** For entrances and exits of doorways and DPUs. */
export const PASSAGES_AS_OF_HEADER = {
  'as-of': {
    description:
      'the place of the answer in the logs: one for each space in which the readings count, separated by commas (`counts-…`), or for a sensor that was at no doorway one in the topology log (`topology-…`). `known_at` takes it, and gives the same answer again',
  },
} as const;

/** For answers that are lists. */
export const AS_OF_HEADER = {
  'as-of': {
    description:
      'the place of the answer in the logs, or one for each space, separated by commas: `known_at` takes it, and gives the same answer again',
  },
} as const;

// What has changed since an earlier moment, as clients see it, with an example.
import type { Revised, Revision } from '../counts/revisions.ts';
import { formatAsOf } from '../domain/as-of.ts';
import { formatInstant } from '../domain/instant.ts';
import { signatureOf } from '../domain/topology-edits.ts';
import type { TopologyEntry } from '../domain/topology.ts';
import { instantOrNull } from './counts-json.ts';
import { API_PREFIX } from './routes/route.ts';
import { AS_OF_EXAMPLE } from './schemas/known-at.ts';

export function revisionsJson({ before, after, ...found }: Revised): object {
  return {
    space_id: found.spaceId,
    from: formatInstant(found.fromMs),
    to: formatInstant(found.toMs),
    since: formatAsOf(found.since),
    before: spanCountJson(before),
    after: spanCountJson(after),
    difference: {
      entrances: after.entrances - before.entrances,
      exits: after.exits - before.exits,
      count: after.count - before.count,
      net: after.net - before.net,
      drift: after.drift - before.drift,
    },
    revisions: found.revisions.map(revisionJson),
    watermark: instantOrNull(found.watermarkMs),
    ...(found.isStale ? { stale: true } : {}),
    as_of: formatAsOf(found.asOf),
  };
}

function spanCountJson({ isFinal, ...numbers }: Revised['before']): object {
  return { ...numbers, final: isFinal };
}

function revisionJson(revision: Revision): object {
  const { kind, entries, doorwayId, dpuId, entrances, exits, net, asserted, retracted, firstMs, lastMs } = revision;
  const [first, last] = [instantOrNull(firstMs), instantOrNull(lastMs)];
  return {
    kind,
    changes: entries.map(changeJson),
    doorway_id: doorwayId,
    dpu_id: dpuId,
    entrances,
    exits,
    net,
    added: asserted,
    removed: retracted,
    first,
    last,
    readings_url: dpuId === null ? null : readingsUrl(dpuId, formatInstant(firstMs), formatInstant(lastMs)),
  };
}

function changeJson(entry: TopologyEntry): object {
  const { by, atMs } = signatureOf(entry);
  return { sequence: entry.seq, by, at: formatInstant(atMs), audit_url: `${API_PREFIX}/audit?sequence=${entry.seq}` };
}

function readingsUrl(dpuId: string, first: string, last: string): string {
  const filter = `dpu_id = '${dpuId.replaceAll("'", "''")}' and timestamp >= '${first}' and timestamp <= '${last}'`;
  return `${API_PREFIX}/readings?${new URLSearchParams({ filter }).toString()}`;
}

const SPAN_EXAMPLE = { entrances: 1204, exits: 1196, count: 8, net: 8, drift: 0, final: true };

export const REVISIONS_EXAMPLE = {
  space_id: 1,
  from: '2018-01-01T00:00:00.000Z',
  to: '2018-02-01T00:00:00.000Z',
  since: AS_OF_EXAMPLE,
  before: SPAN_EXAMPLE,
  after: { ...SPAN_EXAMPLE, entrances: 1187, exits: 1179 },
  difference: { entrances: -17, exits: -17, count: 0, net: 0, drift: 0 },
  revisions: [
    {
      kind: 'exclusion',
      changes: [
        {
          sequence: 58,
          by: 'token:facility',
          at: '2018-02-27T08:02:11.000Z',
          audit_url: '/api/v1/audit?sequence=58',
        },
      ],
      doorway_id: 1,
      dpu_id: '423',
      entrances: -20,
      exits: -17,
      net: -3,
      added: 0,
      removed: 37,
      first: '2018-01-12T20:01:04.512Z',
      last: '2018-01-12T21:44:40.070Z',
      readings_url:
        '/api/v1/readings?filter=dpu_id+%3D+%27423%27+and+timestamp+%3E%3D+%272018-01-12T20%3A01%3A04.512Z%27+and+timestamp+%3C%3D+%272018-01-12T21%3A44%3A40.070Z%27',
    },
    {
      kind: 'late_readings',
      changes: [],
      doorway_id: 2,
      dpu_id: '424',
      entrances: 3,
      exits: 0,
      net: 3,
      added: 3,
      removed: 0,
      first: '2018-01-30T16:12:09.000Z',
      last: '2018-01-30T16:40:51.310Z',
      readings_url:
        '/api/v1/readings?filter=dpu_id+%3D+%27424%27+and+timestamp+%3E%3D+%272018-01-30T16%3A12%3A09.000Z%27+and+timestamp+%3C%3D+%272018-01-30T16%3A40%3A51.310Z%27',
    },
  ],
  watermark: '2018-02-27T15:33:42.120Z',
  as_of: AS_OF_EXAMPLE,
};

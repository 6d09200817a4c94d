// What has changed since an earlier answer, on the real service: late and new readings, a move, a flip, an exclusion, a deletion and a
// changed reset, each with its cause; and the same on the command line.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Numbers {
  readonly entrances: number;
  readonly exits: number;
  readonly net: number;
}
interface Span extends Numbers {
  readonly count: number;
  readonly drift: number;
  readonly final: boolean;
}
interface Revision extends Numbers {
  readonly kind: string;
  readonly changes: readonly { readonly sequence: number; readonly by: string; readonly audit_url: string }[];
  readonly doorway_id: number | null;
  readonly dpu_id: string | null;
  readonly readings_url: string | null;
}
interface Revised {
  readonly since: string;
  readonly as_of: string;
  readonly before: Span;
  readonly after: Span;
  readonly difference: Omit<Span, 'final'>;
  readonly revisions: readonly Revision[];
}

let service: LocalService;
let [hall, office, street, inner] = [0, 0, 0, 0];
const DAY = '2026-03-02T';
const at = (minute: number): string => new Date(Date.parse(`${DAY}08:00:00Z`) + minute * 60_000).toISOString();
const reading = (dpu: string, minute: number, direction: 1 | -1 = 1): object => ({
  dpu_id: dpu,
  timestamp: at(minute),
  direction,
});
const SPAN = `from=${at(0)}&to=${at(120)}`;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
  hall = await service.create('/spaces', { name: 'hall' });
  office = await service.create('/spaces', { name: 'office' });
  street = await service.create('/doorways', { name: 'street', ingress_space_id: hall });
  inner = await service.create('/doorways', { name: 'inner', ingress_space_id: office, egress_space_id: hall });
  for (const [id, doorway] of [
    ['main', street],
    ['side', street],
    ['inside', inner],
  ])
    await service.send('POST', '/dpus', { id, doorway_id: doorway });
});
afterAll(async () => service?.dispose());

async function send(...readings: object[]): Promise<void> {
  const before = (await service.get('/account')).body as { accepted: number };
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () =>
    expect((await service.get('/account')).body).toMatchObject({
      accepted: before.accepted + readings.length,
      remainder: 0,
      stored: { missing: 0 },
    }),
  );
}

async function revisions(since: string, query = SPAN): Promise<Revised> {
  const { status, body } = await service.get(`/counts/${hall}/revisions?${query}&since=${since}`);
  expect([status, body]).toEqual([200, expect.anything()]);
  return body as Revised;
}

async function spanKnown(query: string): Promise<Omit<Span, 'net' | 'drift'>> {
  const { body } = await service.get(`/counts/${hall}/intervals?start=${at(0)}&end=${at(120)}&interval=2h${query}`);
  const [{ entrances, exits, count, final }] = body as [Span];
  return { entrances, exits, count, final };
}

const place = async (): Promise<string> =>
  ((await service.get(`/counts/${hall}/current?at=${at(119)}`)).body as { as_of: string }).as_of;

const sum = (numbers: readonly Numbers[]): Numbers => ({
  entrances: numbers.reduce((all, { entrances }) => all + entrances, 0),
  exits: numbers.reduce((all, { exits }) => all + exits, 0),
  net: numbers.reduce((all, { net }) => all + net, 0),
});

/** Waits until the answer has the cause, and checks what holds of every answer. */
async function revised(since: string, kinds: readonly string[]): Promise<Revised> {
  let found: Revised | undefined;
  await eventually(async () => {
    found = await revisions(since);
    expect(found.revisions.map(({ kind }) => kind)).toEqual(kinds);
  });
  if (!found) throw new Error('unreachable');
  const { before, after, difference } = found;
  const { entrances, exits, net } = difference;
  expect({ entrances, exits, net }).toEqual(sum(found.revisions));
  expect(sum([before, difference])).toEqual(sum([after]));
  for (const { count, net: netThen, drift } of [before, after]) expect(count).toBe(netThen + drift);
  const answered = ({ entrances, exits, count, final }: Span) => ({ entrances, exits, count, final });
  expect(answered(before)).toEqual(await spanKnown(`&known_at=${since}`));
  expect(answered(after)).toEqual(await spanKnown(''));
  return found;
}

describe('T27 what has changed since an earlier answer', () => {
  it('T27 names late readings, a move, a flip, an exclusion, a deletion and a changed reset, by how much each', async () => {
    const reset = await service.create(`/spaces/${hall}/resets`, { timestamp: at(5), count: 10 });
    await send(
      ...[10, 20, 30].map((minute) => reading('main', minute)),
      ...[11, 21].map((minute) => reading('side', minute)),
      reading('main', 40, -1),
      ...[12, 13, 14].map((minute) => reading('inside', minute)),
    );
    await eventually(async () => expect((await spanKnown('')).final).toBe(true));
    const since = await place();
    expect(await revised(since, [])).toMatchObject({ before: { entrances: 5, exits: 4, count: 11, final: true } });

    await send(reading('main', 15), reading('side', 16), reading('side', 17));
    const late = await revised(since, ['late_readings', 'late_readings']);
    expect(late.revisions).toMatchObject([
      { dpu_id: 'side', doorway_id: street, entrances: 2, exits: 0, net: 2, changes: [], added: 2, removed: 0 },
      { dpu_id: 'main', doorway_id: street, entrances: 1, net: 1, first: at(15), last: at(15) },
    ]);
    const behind = (late.revisions[0]?.readings_url ?? '').replace('/api/v1', '');
    await eventually(async () => expect((await service.get(behind)).body).toHaveLength(2));

    expect((await service.send('PATCH', '/dpus/side', { doorway_id: inner, effective_at: at(0) })).status).toBe(200);
    const moved = await revised(since, ['move', 'late_readings', 'late_readings']);
    // Its four readings lead out of the hall now.
    expect(moved.revisions[0]).toMatchObject({ dpu_id: 'side', doorway_id: null, entrances: -4, exits: 4, net: -8 });
    const [change] = moved.revisions[0]?.changes ?? [];
    expect(change?.by).toBe('loopback');
    const audited = await service.get((change?.audit_url ?? '').replace('/api/v1', ''));
    expect(audited.body).toMatchObject([{ kind: 'dpu', dpu_id: 'side', sequence: change?.sequence }]);

    await service.send('PATCH', `/doorways/${inner}`, { ingress_space_id: hall, egress_space_id: office });
    await service.send('POST', '/dpus/main/exclusions', { from: at(25), to: at(60), reason: 'cleaning' });
    const tenth = `/readings?filter=${encodeURIComponent(`dpu_id = 'main' and timestamp = '${at(10)}'`)}`;
    const [{ id }] = (await service.get(tenth)).body as [{ id: string }];
    expect((await service.send('DELETE', `/readings/${encodeURIComponent(id)}?reason=test`)).status).toBe(200);
    await service.send('PATCH', `/spaces/${hall}/resets/${reset}`, { count: 4 });
    const all = await revised(since, [
      ...['move', 'doorway', 'exclusion', 'deletion', 'reset', 'late_readings', 'late_readings'],
    ]);
    expect(all.revisions).toMatchObject([
      { entrances: -4, exits: 4, net: -8 },
      { kind: 'doorway', entrances: 7, exits: -7, net: 14, doorway_id: inner, dpu_id: null },
      { kind: 'exclusion', entrances: -1, exits: -1, net: 0, dpu_id: 'main' },
      { kind: 'deletion', entrances: -1, exits: 0, net: -1, dpu_id: 'main' },
      { kind: 'reset', entrances: 0, exits: 0, net: -6, first: at(5), dpu_id: null },
      { kind: 'late_readings' },
      { kind: 'late_readings' },
    ]);
    // Nothing has changed since now.
    expect((await revised(all.as_of, [])).difference).toEqual({ entrances: 0, exits: 0, count: 0, net: 0, drift: 0 });
  });

  it('T27 tells readings that arrived in order from late ones, and takes a time', async () => {
    const span = `from=${at(0)}`;
    // A place is recorded with the block that contains it, which is cut after the answer.
    const before = await eventually(async () => {
      const now = new Date().toISOString();
      expect((await revisions(now, span)).revisions).toEqual([]);
      return now;
    });
    const since = await place();
    await send(
      { dpu_id: 'main', timestamp: new Date().toISOString(), direction: 1 },
      reading('main', 50),
      reading('main', 61),
    );
    await eventually(async () =>
      // One of them is in the exclusion.
      expect((await revisions(since, span)).revisions).toMatchObject([
        { kind: 'late_readings', entrances: 1, net: 1 },
        { kind: 'new_readings', entrances: 1, net: 1, dpu_id: null },
      ]),
    );
    const byTime = await revisions(before, span);
    expect(sum(byTime.revisions)).toEqual({ entrances: 2, exits: 0, net: 2 });
    expect(byTime.since).toMatch(/^counts-/);
  });

  it.each([
    [`${SPAN}&since=yesterday`, 'since', 'must be the as_of of an answer'],
    [`${SPAN}&since=2199-01-01T00:00:00Z`, 'since', 'in the future'],
    [`${SPAN}&since=2020-01-01T00:00:00Z`, 'since', 'too early'],
    [SPAN, 'since', 'required'],
    [`to=${at(0)}&since=2026-01-01T00:00:00Z`, 'from', 'required'],
    [`from=${at(1)}&to=${at(1)}&since=2026-01-01T00:00:00Z`, 'from', 'before to'],
    [`from=2199-01-01T00:00:00Z&since=2026-01-01T00:00:00Z`, 'from', 'before now'],
    [`from=${at(1)}&to=2300-01-01T00:00:00Z&since=2026-01-01T00:00:00Z`, 'to', 'must not be after'],
  ])('refuses %s, and names the field', async (query, path, detail) => {
    const { status, body } = await service.get(`/counts/${hall}/revisions?${query}`);
    expect(status).toBe(422);
    expect(body).toMatchObject({ errors: [{ path, detail: expect.stringContaining(detail) as string }] });
  });

  it('T27 prints them as a table', async () => {
    const since = await place();
    await service.send('POST', '/dpus/main/exclusions', { from: at(60), to: at(62), reason: 'cleaning' });
    await revised(since, ['exclusion']);
    const lines = await densityLines(
      service.url,
      'revisions',
      String(hall),
      '--from',
      at(0),
      '--to',
      at(120),
      '--since',
      since,
    );
    expect(lines).toEqual([
      `space ${hall} from ${at(0)} to ${at(120)}`,
      expect.stringMatching(/^ +entrances +exits +net +readings +from +to$/),
      expect.stringMatching(/^before \(final\) +\d+ +\d+ +-?\d+$/),
      expect.stringMatching(/^exclusion of DPU main at doorway 1 \(\d+ by loopback at \S+\) +-1 +0 +-1 +-1 +\S+ +\S+$/),
      expect.stringMatching(/^after \(final\) +\d+ +\d+ +-?\d+$/),
      expect.stringMatching(/^count at the end: \d+ \(net -?\d+ \+ \d+ exits at zero\) before, \d+ \(/),
    ]);
    const [json = ''] = await densityLines(
      service.url,
      ...['revisions', String(hall), '--from', at(0), '--since', since, '--json'],
    );
    expect(JSON.parse(json)).toMatchObject({ space_id: hall, revisions: [{ kind: 'exclusion' }] });
  });
});

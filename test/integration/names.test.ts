// Names that people cannot see or tell apart, on the real service; and a topology that an earlier version wrote with such names.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoorwayId, SpaceId } from '../../src/domain/ids.ts';
import { decideTopology } from '../../src/domain/topology-command.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const [COMPOSED, DECOMPOSED] = ['Caf\u00e9', 'Cafe\u0301'] as const;
const INVISIBLE = [
  ['a zero-width space', '\u200b'],
  ['joiners and a word joiner', '\u200d\u200c\u2060'],
  ['a byte order mark between joiners', '\u200d\ufeff\u200d'],
  ['a direction mark', '\u200e\u202e'],
  ['a soft hyphen', '\u00ad'],
  ['a Hangul filler', '\u3164'],
  ['a Braille blank', '\u2800'],
  ['a variation selector', '\ufe0f'],
  ['a tag', '\u{e0041}'],
  ['a control character', '\u0007'],
] as const;

describe('a name', () => {
  let service: LocalService;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '1' });
    await service.send('POST', '/spaces', { name: COMPOSED });
    await service.send('POST', '/doorways', { name: COMPOSED, ingress_space_id: 1 });
  });
  afterAll(async () => service?.dispose());

  const bodies = (name: string): [method: string, path: string, body: object][] => [
    ['POST', '/spaces', { name }],
    ['PUT', '/spaces/1', { name }],
    ['PATCH', '/spaces/1', { name }],
    ['POST', '/doorways', { name, ingress_space_id: 1 }],
    ['PUT', '/doorways/1', { name, ingress_space_id: 1 }],
    ['PATCH', '/doorways/1', { name }],
  ];

  it.each(INVISIBLE)('of %s alone is refused', async (_, name) => {
    for (const [method, path, body] of bodies(name))
      expect((await service.send(method, path, body)).body, `${method} ${path}`).toMatchObject({
        status: 422,
        errors: [{ path: 'name', detail: 'must have a visible character' }],
      });
  });

  it('with NUL is refused, wherever that is', async () => {
    for (const name of ['a\0b', '\0a', 'a\0'])
      for (const [method, path, body] of bodies(name))
        expect((await service.send(method, path, body)).body, `${method} ${path}`).toMatchObject({
          status: 422,
          errors: [{ path: 'name', detail: 'must not contain NUL (U+0000)' }],
        });
  });

  it('may have such characters beside others: an emoji, right-to-left text, a script with joiners', async () => {
    for (const name of ['\u{1F468}\u200d\u{1F469}', '\u200fאולם', 'क्\u200dष', '部屋 1']) {
      const { status, body } = await service.send('POST', '/spaces', { name });
      expect([status, body]).toMatchObject([201, { name }]);
    }
  });

  it('is the same composed and decomposed, and kept as it was given', async () => {
    for (const [path, more] of [
      ['/spaces', {}],
      ['/doorways', { ingress_space_id: 1 }],
    ] as const) {
      const taken = await service.send('POST', path, { name: DECOMPOSED, ...more });
      expect([taken.status, taken.body]).toMatchObject([409, { errors: [{ path: 'name' }] }]);
    }
    expect((await service.send('PATCH', '/spaces/1', { name: DECOMPOSED })).body).toMatchObject({ name: DECOMPOSED });
    for (const name of [COMPOSED, DECOMPOSED])
      for (const filter of [`name = '${name}'`, `name in ('x', '${name}')`]) {
        const found = await service.get(`/spaces?filter=${encodeURIComponent(filter)}`);
        expect(found.body, filter).toMatchObject([{ id: 1, name: DECOMPOSED }]);
      }
    const others = await service.get(`/spaces?filter=${encodeURIComponent(`name != '${COMPOSED}' and id = 1`)}`);
    expect(others.body).toEqual([]);
  });
});

describe('a topology of an earlier version', () => {
  it('is read whatever its names are, and everything in it can still be changed', () => {
    const history = new TopologyHistory();
    const stamps = { createdMs: 1, updatedMs: 1, deleted: false };
    const names = [COMPOSED, DECOMPOSED, '\u200b', 'a\0b'];
    names.forEach((name, n) => {
      const id = (n + 1) as SpaceId;
      const doc = { id, name, timeZone: 'UTC', dailyReset: null, capacity: null, ...stamps };
      history.apply({ seq: n + 1, fact: { kind: 'space', doc } });
    });
    const doorway = {
      id: 1 as DoorwayId,
      name: '\u200b',
      ingressSpaceId: 3 as SpaceId,
      egressSpaceId: null,
      ...stamps,
    };
    history.apply({ seq: 5, fact: { kind: 'doorway', doc: doorway } });
    expect(
      history
        .latest()
        .spaces()
        .map(({ name }) => name),
    ).toEqual(names);
    for (const id of [1, 2, 3, 4] as SpaceId[])
      expect(decideTopology(history.latest(), { kind: 'updateSpace', id, fields: { capacity: 3 } }, 2)).toMatchObject({
        doc: { name: names[id - 1], capacity: 3 },
      });
    const renamed = { kind: 'updateSpace', id: 2 as SpaceId, fields: { name: 'B' } } as const;
    expect(decideTopology(history.latest(), renamed, 2)).toMatchObject({ doc: { name: 'B' } });
  });
});

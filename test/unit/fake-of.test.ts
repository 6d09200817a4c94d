import { expect, test } from 'vitest';
import { fakeOf } from '../support/fake-of.ts';

interface House {
  readonly rooms: number | undefined;
  readonly door: { open(): string; close(): string };
  ring(): string;
}

test('a fake has the given members, and calling any other member fails with its name', () => {
  const house = fakeOf<House>('House', { rooms: undefined, door: { open: () => 'opened' } });
  expect([house.rooms, house.door.open()]).toEqual([undefined, 'opened']);
  const { ring } = house;
  expect(() => ring()).toThrow('the test has no fake of House.ring');
  expect(() => house.door.close()).toThrow('the test has no fake of House.door.close');
});

test('a fake can be returned by an async function', async () => {
  const house = fakeOf<House>('House', { rooms: 3 });
  expect((await Promise.resolve(house)).rooms).toBe(3);
});

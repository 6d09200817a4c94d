// The losses that repairs have reported, as far as this process knows them.
import { expect, it } from 'vitest';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { Losses } from '../../src/recovery/losses.ts';

const REPORT = { readings: null, commits: null, topology: { restored: 2, lost: 0 } };

it('are read once an epoch, and those already known remain while ClickHouse does not answer', async () => {
  const epoch = new LogEpoch();
  let isUp = true;
  let asked = 0;
  const stored = [{ epoch: 1, atMs: 5, report: JSON.stringify(REPORT) }];
  const losses = new Losses(
    {
      reports: async () => {
        asked += 1;
        if (!isUp) throw new Error('ClickHouse does not answer');
        return [...stored].reverse();
      },
    },
    epoch,
  );
  expect(await losses.read()).toEqual([]);
  epoch.current = 1;
  const [first] = await losses.read();
  expect(first).toMatchObject({
    epoch: 1,
    atMs: 5,
    readings: 0,
    commits: 0,
    topology: 0,
    detail: 'TOPOLOGY lost 2 entries, which were restored',
  });
  expect(await losses.read()).toEqual([first]);
  const before = asked;
  stored.push({
    epoch: 2,
    atMs: 6,
    report: JSON.stringify({ ...REPORT, readings: { messages: 7, fromSeq: 1, toSeq: 7, fromMs: null, toMs: null } }),
  });
  isUp = false;
  epoch.current = 2;
  expect(await losses.read()).toEqual([first]);
  expect(losses.known).toEqual([first]);
  expect(asked).toBe(before + 1);
  isUp = true;
  expect(await losses.read()).toMatchObject([{ epoch: 2, readings: 7 }, first]);
  const unreadable = {
    messages: 3,
    ranges: [
      [5, 6],
      [9, 9],
    ],
    fromMs: 0,
    toMs: null,
  };
  stored.push({ epoch: 3, atMs: 7, report: JSON.stringify({ ...REPORT, unreadable }) });
  epoch.current = 3;
  expect((await losses.read())[0]).toMatchObject({
    readings: 3,
    detail:
      'READINGS does not return 3 messages that may not have been routed, of 5 to 6, 9, stored after 1970-01-01T00:00:00.000Z; TOPOLOGY lost 2 entries, which were restored',
  });
});

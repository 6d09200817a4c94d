import { describe, expect, it } from 'vitest';
import { StreamEnd } from '../../src/nats/stream-end.ts';

describe('the end of a stream', () => {
  const endOf = (): { end: StreamEnd; asked: () => number; fail: (is: boolean) => void } => {
    let [asked, isAway] = [0, false];
    const end = new StreamEnd(async () => {
      asked += 1;
      if (isAway) throw new Error('no answer');
      return { firstSeq: 1, lastSeq: asked, lastTime: `time ${asked}` };
    });
    return { end, asked: () => asked, fail: (is) => (isAway = is) };
  };

  it('is asked for once by all that ask in a row, and again by the next', async () => {
    const { end, asked } = endOf();
    const [one, two] = await Promise.all([end.now(), end.now()]);
    expect([one, two, asked()]).toEqual([one, one, 1]);
    expect(await end.now()).toEqual({ firstSeq: 1, lastSeq: 2, lastTime: 'time 2' });
  });

  it('is asked for only if the last answer is too old', async () => {
    const { end, asked } = endOf();
    await end.now();
    expect((await end.within(60_000)).lastSeq).toBe(1);
    expect([(await end.within(-1)).lastSeq, asked()]).toEqual([2, 2]);
  });

  it('is not the last answer if the server does not answer now', async () => {
    const { end, fail } = endOf();
    await end.now();
    fail(true);
    await expect(end.now()).rejects.toThrow('no answer');
    expect((await end.within(60_000)).lastSeq).toBe(1);
    fail(false);
    expect((await end.now()).lastSeq).toBe(3);
  });
});

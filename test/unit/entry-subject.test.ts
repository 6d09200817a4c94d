import { describe, expect, it } from 'vitest';
import { entrySubjectOf } from '../../src/domain/entry-subject.ts';

describe('the subject of an entry of READINGS', () => {
  it.each([
    ['readings.3.dpu-7.readings', 'dpu-7', ['readings'], 'readings'],
    ['readings.3.a=2Eb.heartbeat', 'a.b', ['heartbeat'], 'heartbeat'],
    ['readings.0.S1.xovis.line.2', 'S1', ['xovis', 'line', '2'], undefined],
    ['readings.0.a=2E.', 'a.', [''], undefined],
    ['readings.0.=zz.readings', undefined, ['readings'], 'readings'],
    ['readings.0.tick', 'tick', [], undefined],
  ])('%s', (subject, dpuId, levels, kind) => {
    expect(entrySubjectOf(subject)).toEqual({ dpuId, levels, kind });
    expect(entrySubjectOf(subject)).toBe(entrySubjectOf(subject));
  });

  it('is right for any number of devices', () => {
    const wrong = Array.from({ length: 120_000 }, (_, n) => `d${n}`).filter(
      (id) => entrySubjectOf(`readings.1.${id}.readings`).dpuId !== id,
    );
    expect(wrong).toEqual([]);
    expect(entrySubjectOf('readings.1.d0.readings')).toEqual({ dpuId: 'd0', levels: ['readings'], kind: 'readings' });
  });
});

import { describe, expect, it } from 'vitest';
import { dpuOfToken, type DpuId } from '../../src/domain/ids.ts';
import { kindOf, publishableTopic } from '../../src/domain/topic.ts';

describe('the levels after a token', () => {
  it.each(['readings', 'reading', 'Readings', 'READING', 'readings./', 'readings././', '/.readings', '/.reading./'])(
    'ask for readings: %s',
    (levels) => expect(kindOf(levels.split('.'))).toBe('readings'),
  );

  it.each(['heartbeat', 'heartbeats', 'Heartbeat./'])('ask for a heartbeat: %s', (levels) =>
    expect(kindOf(levels.split('.'))).toBe('heartbeat'),
  );

  it.each(['/', 'status', 'tick', 'readings.readings', 'readings.1', 'constructor', 'reading s', '*', '>'])(
    'fit nothing: %s',
    (levels) => expect(kindOf(levels.split('.'))).toBeUndefined(),
  );
});

describe('a topic that is published again', () => {
  it.each(['7.readings', 'a=2Eb.readings./', '/.7.readings', 'a//b.x:y'])('stays as it is: %s', (topic) =>
    expect(publishableTopic(topic)).toBe(topic),
  );

  it('has no wildcards, and no character that a NATS client refuses', () => {
    expect(publishableTopic('7.>')).toBe('7.=3E');
    expect(publishableTopic('*.read*ings')).toBe('=2A.read=2Aings');
    expect(publishableTopic('aé\n.readings')).toBe('a=C3=A9=0A.readings');
    expect(dpuOfToken('a=C3=A9')).toBeUndefined();
  });

  it('has a level after its token', () => expect(publishableTopic('7')).toBe('7./'));

  it('is short enough for a NATS client, and keeps the token of any DPU', () => {
    const token = '=2E'.repeat(128);
    const topic = publishableTopic(`${token}.${'level.'.repeat(10_000)}x`);
    expect(topic.length).toBeLessThanOrEqual(1_000);
    expect(topic).not.toMatch(/\.$/);
    expect(dpuOfToken(topic.split('.')[0])).toBe('.'.repeat(128) as DpuId);
  });
});

// The options of the service that follow from a configuration.
import { expect, it } from 'vitest';
import { serviceOptionsOf } from '../../src/cli/service-options.ts';
import { readConfig } from '../../src/config.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';

const engines = {
  natsUrl: 'nats://localhost',
  clickhouseUrl: 'http://localhost',
  natsStoreBytes: undefined,
  mqttPort: undefined,
  stop: async () => undefined,
};

it('a process has an instance if it is given one, or if it starts its own NATS server', () => {
  const instanceOf = (environment: Record<string, string>): string | undefined =>
    serviceOptionsOf(readConfig(environment), engines, undefined).instanceId;
  expect(instanceOf({ NATS_URL: 'nats://localhost', INSTANCE_ID: 'pod-1' })).toBe('pod-1');
  expect(instanceOf({ INSTANCE_ID: 'pod-1' })).toBe('pod-1');
  expect(instanceOf({})).toBe('embedded');
  expect(instanceOf({ NATS_URL: 'nats://localhost' })).toBeUndefined();
  expect(instanceOf({ NATS_URL: 'nats://localhost', INSTANCE_ID: '' })).toBeUndefined();
});

it('the settings of a second start are those that the first one stored', () => {
  const { settings } = serviceOptionsOf(readConfig({}), engines, undefined);
  const history = new TopologyHistory();
  // Of an earlier version, or none.
  expect(JSON.stringify(history.latest().settings())).not.toBe(JSON.stringify(settings));
  history.apply({ seq: 1, fact: { kind: 'settings', doc: settings } });
  expect(JSON.stringify(history.latest().settings())).toBe(JSON.stringify(settings));
});

// The settings of a configuration, as the service compares them with those in TOPOLOGY when it starts.
import { expect, it } from 'vitest';
import { serviceOptionsOf } from '../../src/cli/service-options.ts';
import { readConfig } from '../../src/config.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';

it('the settings of a second start are those that the first one stored', () => {
  const engines = {
    natsUrl: 'nats://localhost',
    clickhouseUrl: 'http://localhost',
    natsStoreBytes: undefined,
    mqttPort: undefined,
    stop: async () => undefined,
  };
  const { settings } = serviceOptionsOf(readConfig({}), engines, undefined);
  const history = new TopologyHistory();
  // Of an earlier version, or none.
  expect(JSON.stringify(history.latest().settings())).not.toBe(JSON.stringify(settings));
  history.apply({ seq: 1, fact: { kind: 'settings', doc: settings } });
  expect(JSON.stringify(history.latest().settings())).toBe(JSON.stringify(settings));
});

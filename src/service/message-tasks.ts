// What a process with shards does with messages that arrive beside READINGS. Several processes may run these at the same time:
// NATS gives each message to one of them.
import type { Logger } from 'pino';
import { forwardMessages } from '../publishing/forward-messages.ts';
import { keepAcknowledged } from '../publishing/keep-acknowledged.ts';
import type { Metrics } from '../metrics.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import type { Adapters } from './adapters.ts';

type Task = (signal: AbortSignal) => Promise<void>;

/** Each runs until the signal aborts, and is started again if it fails. */
export function messageTasks(
  adapters: Pick<Adapters, 'readings' | 'openMqttMessages' | 'openForwardedMessages'>,
  metrics: Metrics,
  log: Logger,
): [name: string, task: Task][] {
  const { readings } = adapters;
  const onRestored = (messages: number): void => metrics.mqttMessagesRestored(messages);
  return [
    [
      'restoring MQTT messages',
      async (signal) => {
        const acknowledged = await adapters.openMqttMessages();
        await keepAcknowledged({ acknowledged, readings, timing: MACHINE_TIMING, log, onRestored }, signal);
      },
    ],
    [
      'forwarding messages',
      async (signal) => forwardMessages(await adapters.openForwardedMessages(), readings, signal),
    ],
  ];
}

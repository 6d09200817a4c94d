// The FORWARDED stream: messages on topics that READINGS does not accept, because its subject transform finds the
// DPU's token in one place only. It has work-queue retention, so a message remains until the service has appended it
// to READINGS.
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { ACKNOWLEDGED_CONSUMER, NatsAcknowledgedMessages } from './acknowledged-messages.ts';
import { FORWARDED } from './streams.ts';

const CONSUMER = 'density';

export async function openForwardedMessages(
  js: JetStreamClient,
  jsm: JetStreamManager,
): Promise<NatsAcknowledgedMessages> {
  await jsm.consumers.add(FORWARDED, { durable_name: CONSUMER, ...ACKNOWLEDGED_CONSUMER });
  return new NatsAcknowledgedMessages(await js.consumers.get(FORWARDED, CONSUMER));
}

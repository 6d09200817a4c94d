// Appends messages to READINGS that arrive on subjects which READINGS cannot assign to a partition, such as MQTT's
// `/dpu/423/readings`.
//
// A message is released only after READINGS has acknowledged it. After a crash in between it is appended again, which
// changes no count unless its readings have no timestamp.
import type { AcknowledgedMessage, AcknowledgedMessages, StoredMessages } from '../ports/readings-log.ts';

/** Runs until the signal aborts. @throws if a stream cannot be reached, or READINGS is full */
export async function forwardMessages(
  messages: Pick<AcknowledgedMessages, 'arriving'>,
  readings: Pick<StoredMessages, 'restore'>,
  signal: AbortSignal,
): Promise<void> {
  const forward = async (message: AcknowledgedMessage): Promise<void> => {
    await readings.restore(message);
    message.release();
  };
  while (!signal.aborted) {
    const forwarded: Promise<void>[] = [];
    for await (const message of messages.arriving(signal)) {
      const one = forward(message);
      // Handled below; until then a rejection must not count as unhandled.
      one.catch(() => undefined);
      forwarded.push(one);
    }
    await Promise.all(forwarded);
  }
}

// The newest messages of a device, exactly as it sent them, to find out why its readings do not count.
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import { deviceOf } from '../../domain/ids.ts';
import { formatInstant } from '../../domain/instant.ts';
import type { RecentMessage, RecentMessages } from '../../ports/readings-log.ts';
import { Slots } from '../../runtime/slots.ts';
import { dpuIdInPath, wholeNumberInQuery } from '../schemas/fields.ts';
import { sentMessage } from '../schemas/sent-messages.ts';
import { defineRoute, type Route } from './route.ts';

const [LIMIT_DEFAULT, LIMIT_MAX] = [10, 50];
/** The part of each message that the answer contains. */
const TEXT_MAX_BYTES = 4_096;
/** Concurrent searches, and how many more may wait. Each holds about a megabyte of messages. */
const [SEARCHES_MAX, WAITING_MAX] = [2, 32];

const EXAMPLE = {
  sequence: 4711,
  stored_at: '2026-11-24T17:45:00.120Z',
  subject: 'dpu.423.readings',
  bytes: 53,
  text: '{"timestamp":"2026-11-24T17:45:00.000Z","direction":1}',
  cut: false,
};

export function messagesRoutes(log: RecentMessages): Route[] {
  const slots = new Slots(SEARCHES_MAX, WAITING_MAX);
  return [
    defineRoute({
      method: 'GET',
      path: '/dpus/{id}/messages',
      operationId: 'listMessages',
      tag: 'dpus',
      summary: 'List the newest messages of the device of a sensor, as it sent them',
      description:
        'Messages that are still in the log READINGS: readings, payloads for an adapter, and anything else that the device published, whether or not it could be used. ' +
        `The newest is first. The device of a sensor \`<device>/<line>\` is \`<device>\`, and need not be registered. \`text\` has the first ${TEXT_MAX_BYTES} bytes of each message.`,
      scope: 'read',
      params: z.strictObject({ id: dpuIdInPath }),
      query: z.strictObject({
        limit: wholeNumberInQuery({ minimum: 1, maximum: LIMIT_MAX, description: 'maximum number of messages' })
          .prefault(String(LIMIT_DEFAULT))
          .meta({ default: LIMIT_DEFAULT }),
      }),
      success: {
        status: 200,
        description: 'the newest messages',
        schema: z.array(sentMessage),
        example: [EXAMPLE],
      },
      handle: async ({ params: { id }, query: { limit } }, ctx) => {
        if (slots.isFull)
          throw new Failure('unavailable', 'too many messages are being looked up at the moment', {
            retryAfterSeconds: 1,
          });
        const messages = await slots.run(() => log.newestOf(deviceOf(id), limit, TEXT_MAX_BYTES));
        ctx.set('cache-control', 'no-store');
        return messages.map(messageJson);
      },
    }),
  ];
}

function messageJson({ seq, storedMs, subject, bytes, beginning }: RecentMessage): z.output<typeof sentMessage> {
  return {
    sequence: seq,
    stored_at: formatInstant(storedMs),
    subject,
    bytes,
    text: new TextDecoder().decode(beginning),
    cut: beginning.length < bytes,
  };
}

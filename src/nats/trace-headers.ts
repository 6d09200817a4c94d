// Adds the active trace to the headers of a NATS message.
import { headers, type MsgHdrs } from 'nats';
import { activeTraceparent, TRACEPARENT } from '../runtime/trace.ts';

/** Publish options with the active span's `traceparent`; empty unless it is sampled. */
export function traced(): { headers?: MsgHdrs } {
  const traceparent = activeTraceparent();
  if (traceparent === undefined) return {};
  const carrier = headers();
  carrier.set(TRACEPARENT, traceparent);
  return { headers: carrier };
}

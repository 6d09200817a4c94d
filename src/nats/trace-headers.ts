import { headers, type MsgHdrs } from 'nats';
import { activeTraceparent, TRACEPARENT } from '../runtime/trace.ts';

/** Publish options that carry the active span; none when nothing is traced. */
export function traced(): { headers?: MsgHdrs } {
  const traceparent = activeTraceparent();
  if (traceparent === undefined) return {};
  const carrier = headers();
  carrier.set(TRACEPARENT, traceparent);
  return { headers: carrier };
}

// Creates trace spans for the rest of the code. Costs nothing until tracing is switched on
// (observability/start-tracing.ts). Between processes a trace travels in the W3C `traceparent` header of a NATS
// message.
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Context,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

const TRACEPARENT = 'traceparent';
let isOn = false;
let tracer = trace.getTracer('density-api');

export function switchTracing(on: boolean): void {
  isOn = on;
  // An existing tracer remains bound to the SDK that was registered when it was created.
  tracer = trace.getTracer('density-api');
}

export function isTracing(): boolean {
  return isOn;
}

/**
 * Runs `work` in a span that is a child of `parent`, by default the active one. If the work rejects, the span is marked
 * failed.
 */
export async function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: () => Promise<T>,
  parent: Context = context.active(),
): Promise<T> {
  if (!isOn) return work();
  return tracer.startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Starts a span for work that is not a single function. The caller must end it. */
export function startSpan(name: string, options: SpanOptions, parent: Context): Span {
  return tracer.startSpan(name, options, parent);
}

/** The `traceparent` of the active span; undefined unless it is sampled. */
export function activeTraceparent(): string | undefined {
  if (!isOn || !trace.getActiveSpan()?.isRecording()) return undefined;
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier[TRACEPARENT];
}

/**
 * The context of the span from which a message or request came; the root context for anything but a valid
 * traceparent.
 */
export function contextOf(traceparent: string | undefined): Context {
  return traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { [TRACEPARENT]: traceparent });
}

export { TRACEPARENT };

// Spans, as the rest of the code makes them: nothing happens, and nothing is paid, unless tracing was
// switched on (observability/start-tracing.ts). A trace travels between processes as the W3C `traceparent` header of a
// NATS message.
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
  // One from before would go on asking the SDK that was registered then.
  tracer = trace.getTracer('density-api');
}

export function isTracing(): boolean {
  return isOn;
}

/** Runs work in a span, as the child of what is active or of `parent`. The span ends with the work, failed if it failed. */
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

/** For work that is not one function; the caller ends it. */
export function startSpan(name: string, options: SpanOptions, parent: Context): Span {
  return tracer.startSpan(name, options, parent);
}

/** What a message carries of the active span; undefined when that is not sampled. */
export function activeTraceparent(): string | undefined {
  if (!isOn || !trace.getActiveSpan()?.isRecording()) return undefined;
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier[TRACEPARENT];
}

/** The span that a message or a request came from; none for what is not a traceparent. */
export function contextOf(traceparent: string | undefined): Context {
  return traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { [TRACEPARENT]: traceparent });
}

export { TRACEPARENT };

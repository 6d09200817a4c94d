// Starts the OpenTelemetry SDK, which is loaded only if tracing is configured.
import { context, propagation, trace } from '@opentelemetry/api';
import { switchTracing } from '../runtime/trace.ts';

export interface TracingOptions {
  /** URL of an OTLP collector over HTTP, such as http://collector:4318/v1/traces. */
  readonly url: string;
  /** Sampled share of the traces that start here. For traces that started elsewhere, the caller has decided. */
  readonly ratio: number;
}

const SHUTDOWN_MAX_MS = 3_000;

/** @returns a function that sends the last spans and stops tracing; it never rejects */
export async function startTracing({ url, ratio }: TracingOptions): Promise<() => Promise<void>> {
  const [
    { BatchSpanProcessor, NodeTracerProvider, ParentBasedSampler, TraceIdRatioBasedSampler },
    { OTLPTraceExporter },
    { resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'density-api' }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: SHUTDOWN_MAX_MS }), {
        exportTimeoutMillis: SHUTDOWN_MAX_MS,
      }),
    ],
  });
  provider.register();
  switchTracing(true);
  return async () => {
    switchTracing(false);
    await provider.shutdown().catch(() => undefined);
    for (const api of [trace, context, propagation]) api.disable();
  };
}

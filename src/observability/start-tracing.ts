// The OpenTelemetry SDK. Loaded only when traces have somewhere to go: nobody else pays for it.
import { context, propagation, trace } from '@opentelemetry/api';
import { switchTracing } from '../runtime/trace.ts';

export interface TracingOptions {
  /** Where an OTLP collector takes traces over HTTP, such as http://collector:4318/v1/traces. */
  readonly url: string;
  /** Of the traces that begin here, the share that is kept; one that began elsewhere is kept if it was there. */
  readonly ratio: number;
}

const SHUTDOWN_MAX_MS = 3_000;

/** @returns what sends the last spans and switches tracing off; it never fails, since traces are not worth a failure */
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

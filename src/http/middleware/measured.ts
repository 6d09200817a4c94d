import { SpanKind } from '@opentelemetry/api';
import type { Middleware } from 'koa';
import { methodLabel, type Metrics } from '../../metrics.ts';
import { contextOf, inSpan, TRACEPARENT } from '../../runtime/trace.ts';

/** Measures and traces every request until its answer starts. A stream counts as answered when it opens. */
export function measured(metrics: Metrics): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    await inSpan(`HTTP ${ctx.method}`, { kind: SpanKind.SERVER }, next, contextOf(ctx.get(TRACEPARENT) || undefined));
    const route: unknown = ctx['_matchedRoute'];
    metrics.requestAnswered({
      method: methodLabel(ctx.method),
      status: ctx.status,
      seconds: (performance.now() - startedAt) / 1_000,
      route: typeof route === 'string' ? route : 'none',
    });
  };
}

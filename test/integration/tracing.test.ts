// A trace from the request, or the message, to the row in ClickHouse, as an OTLP collector receives it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}
interface OtlpRequest {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[];
}

const spans: OtlpSpan[] = [];
let collector: Server;
let service: LocalService;

beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as OtlpRequest;
      spans.push(...body.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans)));
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  // The service starts no traces itself, so every span belongs to a trace from outside.
  service = await startLocalService({
    PARTITIONS: '2',
    TRACES_URL: `http://127.0.0.1:${port}/v1/traces`,
    TRACES_RATIO: '0',
  });
  await service.send('POST', '/spaces', { name: 'hall' });
  await service.send('POST', '/doorways', { name: 'door', ingress_space_id: 1, egress_space_id: null });
  await service.send('POST', '/dpus', { id: '7', doorway_id: 1 });
});

afterAll(async () => {
  await service.dispose();
  collector.close();
});

/** The names from a span up to its root. */
function wayUp(span: OtlpSpan): string[] {
  const parent = spans.find(({ spanId, traceId }) => spanId === span.parentSpanId && traceId === span.traceId);
  return [span.name, ...(parent ? wayUp(parent) : [])];
}

test('a request traced by its client is one trace up to the stored block', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const reading = { dpu_id: '7', timestamp: new Date().toISOString(), direction: 1 };
  const posted = await fetch(`${service.api}/readings`, {
    method: 'POST',
    body: JSON.stringify(reading),
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` },
  });
  expect(posted.status).toBe(202);
  await eventually(() => {
    const stored = spans.find((span) => span.name === 'store block' && span.traceId === traceId);
    expect(stored && wayUp(stored)).toEqual([
      'store block',
      'fold events',
      'route readings',
      'publish readings',
      'HTTP POST',
    ]);
  });
});

test('a message that carries a trace continues it; one that was not sampled leaves none', async () => {
  const nats = await connect({ servers: service.natsUrl });
  const publish = async (traceId: string, flags: string, direction: number): Promise<void> => {
    const carrier = headers();
    carrier.set('traceparent', `00-${traceId}-b7ad6b7169203331-${flags}`);
    await jetstream(nats).publish('dpu.7.readings', JSON.stringify({ timestamp: Date.now(), direction }), {
      headers: carrier,
    });
  };
  const [sampled, unsampled] = ['1af7651916cd43dd8448eb211c80319c', '2af7651916cd43dd8448eb211c80319c'];
  await publish(unsampled, '00', -1);
  await eventually(async () => expect((await service.get('/account')).body).toMatchObject({ accepted: 2 }));
  await publish(sampled, '01', 1);
  await eventually(() => {
    const stored = spans.find((span) => span.name === 'store block' && span.traceId === sampled);
    expect(stored && wayUp(stored)).toEqual(['store block', 'fold events', 'route readings']);
  });
  expect(spans.filter(({ traceId }) => traceId === unsampled)).toEqual([]);
  await nats.close();
});

// Sampling, and that disabled tracing does nothing.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { PipelineTraces } from '../../src/observability/traced-ports.ts';
import { startTracing } from '../../src/observability/start-tracing.ts';
import type { LogCursor } from '../../src/ports/log.ts';
import type { ReadingsLog } from '../../src/ports/readings-log.ts';
import type { SpaceEventsLog } from '../../src/ports/space-events-log.ts';
import { activeTraceparent, contextOf, inSpan, isTracing } from '../../src/runtime/trace.ts';
import { commitHeader } from '../support/commit-header.ts';
import { fakeOf } from '../support/fake-of.ts';

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly { readonly name: string; readonly status: { readonly code?: number } }[];
    }[];
  }[];
}

let received: OtlpRequest[];
let url: string;
let close: () => void;

beforeEach(async () => {
  received = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(chunks).toString()) as OtlpRequest);
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  close = () => collector.close();
});
afterEach(() => close());

const spans = (): { name: string; status: { code?: number } }[] =>
  received.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );

test('disabled: work runs, and no message gets a header', async () => {
  expect(isTracing()).toBe(false);
  expect(await inSpan('work', {}, async () => Promise.resolve(activeTraceparent() ?? 'none'))).toBe('none');
  expect(spans()).toEqual([]);
});

test('a share of the traces that begin here is sampled, and only those are propagated', async () => {
  const stop = await startTracing({ url, ratio: 0.25 });
  let travelling = 0;
  for (let k = 0; k < 1_000; k++)
    await inSpan('work', {}, async () => {
      travelling += activeTraceparent() === undefined ? 0 : 1;
      return Promise.resolve();
    });
  await stop();
  expect(spans()).toHaveLength(travelling);
  // Five standard deviations from 250.
  expect(travelling).toBeGreaterThan(180);
  expect(travelling).toBeLessThan(320);
  expect(isTracing()).toBe(false);
});

test('a sampling decision made elsewhere is kept; an error is recorded and rethrown', async () => {
  const stop = await startTracing({ url, ratio: 0 });
  const from = (flags: string): ReturnType<typeof contextOf> =>
    contextOf(`00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`);
  await inSpan('not sampled', {}, async () => Promise.resolve(), from('00'));
  const failing = inSpan('failing', {}, async () => Promise.reject(new Error('no disk')), from('01'));
  await expect(failing).rejects.toThrow('no disk');
  await stop();
  expect(spans().map(({ name, status }) => [name, status.code])).toEqual([['failing', 2]]);
});

test('a reading is traced with the commit that routes it, and not with a move in between', async () => {
  const stop = await startTracing({ url, ratio: 0 });
  const traces = new PipelineTraces();
  const entry: StoredEntry = {
    seq: 7,
    timeMs: Date.now(),
    subject: 'dpu.1.readings',
    data: new Uint8Array(),
    trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const cursor = fakeOf<LogCursor>('LogCursor', { next: async () => Promise.resolve([entry]) });
  const readings = traces.readings(fakeOf<ReadingsLog>('ReadingsLog', { open: async () => Promise.resolve(cursor) }));
  const traced: boolean[] = [];
  const events = traces.events(
    fakeOf<SpaceEventsLog>('SpaceEventsLog', {
      commit: async () => {
        traced.push(activeTraceparent() !== undefined);
        return Promise.resolve({ kind: 'committed', seq: 1 });
      },
    }),
  );
  await (await readings.open(0 as Partition, 0)).next(10);
  for (const isMove of [true, false, false])
    await events.commit(commitHeader({ isMove, readingsSeq: 7 }), new Map(), 0);
  await stop();
  expect(traced).toEqual([false, true, false]);
  expect(spans().map(({ name }) => name)).toEqual(['route readings']);
});

test('an unavailable collector causes no failure', async () => {
  close();
  const stop = await startTracing({ url, ratio: 1 });
  expect(await inSpan('work', {}, async () => Promise.resolve(7))).toBe(7);
  await stop();
}, 30_000);

// What a device sent, as the API shows it: on the real log, among the messages of others.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Message {
  readonly sequence: number;
  readonly stored_at: string;
  readonly subject: string;
  readonly bytes: number;
  readonly text: string;
  readonly cut: boolean;
}

let service: LocalService;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
});
afterAll(async () => service?.dispose());

async function messagesOf(id: string, query = ''): Promise<Message[]> {
  const { status, body } = await service.get(`/dpus/${encodeURIComponent(id)}/messages${query}`);
  expect(status).toBe(200);
  return body as Message[];
}

it('has no messages of a device that has sent nothing', async () => {
  expect(await messagesOf('silent')).toEqual([]);
});

it('shows the newest first, of this device alone, whatever it published', async () => {
  const { nc, js } = await connectNats(service.natsUrl, 'messages test', {});
  for (let each = 0; each < 300; each++) {
    await js.publish('dpu.busy.readings', JSON.stringify({ each }));
    if (each % 30 === 0) await js.publish(`dpu.quiet.${each === 90 ? 'heartbeat' : 'readings'}`, `message ${each}`);
  }
  await js.publish('dpu.quiet.readings', 'x'.repeat(10_000));
  await js.publish('dpu.quiet.readings', new Uint8Array([0xff, 0x41]));
  const quiet = await messagesOf('quiet', '?limit=4');
  expect(quiet.map(({ text, bytes, cut }) => [text.slice(0, 12), text.length, bytes, cut])).toEqual([
    ['\ufffdA', 2, 2, false],
    ['xxxxxxxxxxxx', 4_096, 10_000, true],
    ['message 270', 11, 11, false],
    ['message 240', 11, 11, false],
  ]);
  expect(Date.parse(quiet[0]?.stored_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
  // A line of the device is the device.
  const all = await messagesOf('quiet/2', '?limit=50');
  expect(all).toHaveLength(12);
  expect(all.map(({ subject }) => subject).filter((each) => each === 'dpu.quiet.heartbeat')).toHaveLength(1);
  expect(all.map(({ sequence }) => sequence)).toEqual(all.map(({ sequence }) => sequence).toSorted((a, b) => b - a));
  expect((await messagesOf('busy')).map(({ text }) => text)).toEqual(
    Array.from({ length: 10 }, (_, index) => JSON.stringify({ each: 299 - index })),
  );
  await nc.drain();
});

it('shows payloads for an adapter', async () => {
  const { nc, js } = await connectNats(service.natsUrl, 'messages test', {});
  await js.publish('ingest.axis.camera', '{"hello":"there"}');
  await nc.drain();
  await eventually(async () =>
    expect(await messagesOf('camera')).toMatchObject([{ subject: 'dpu.camera.axis', text: '{"hello":"there"}' }]),
  );
});

it.each(['?limit=0', '?limit=51', '?limit=x', '?offset=1'])('refuses %s', async (query) => {
  expect((await service.get(`/dpus/1/messages${query}`)).status).toBe(422);
});

it('is printed by density dpus messages', async () => {
  const out: string[] = [];
  const program = createProgram({
    readConfig: () => readConfig({}),
    printLine: (line) => out.push(line),
    warn: () => undefined,
    finish: () => undefined,
  });
  await program.parseAsync(['node', 'density', 'dpus', 'messages', 'quiet', '--limit', '3', '--url', service.url]);
  expect(out[0]).toMatch(/^stored +subject +bytes +beginning$/);
  expect(out[3]).toMatch(/^\d{4}-\S+Z {2}dpu\.quiet\.readings {2}11 +message 270$/);
  expect(out).toHaveLength(4);
});

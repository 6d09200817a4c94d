// ClickHouse with a full disk: the real engine on a small file system of its own, which only root can mount.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { closeSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { metricValue, readMetrics } from '../support/metrics-text.ts';

const DISK = '96m';
const FILLING = Buffer.alloc(64 * 1024);

/** False if this user, or this container, may not mount. */
function mount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/** Fills the disk completely. */
function fill(file: string): void {
  const descriptor = openSync(file, 'w');
  try {
    for (let length = FILLING.length; length > 0;) {
      try {
        writeSync(descriptor, FILLING, 0, length);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        length >>= 1;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

const folder = await mkdtemp(join(tmpdir(), 'density-disk-'));
const disk = join(folder, 'clickhouse');
await mkdir(disk);
const isMounted = mount(disk);

describe('ClickHouse with a full disk', () => {
  let service: LocalService;
  let nats: NatsHandles;
  let sent = 0;
  const firstMs = Date.now() - 3_600_000;
  beforeAll(async () => {
    if (!isMounted) return;
    service = await startLocalService({ PARTITIONS: '2', DENSITY_DATA_DIR: folder });
    nats = await connectNats(service.natsUrl, 'test');
    await service.send('POST', '/spaces', { name: 'Hall' });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await service.send('POST', '/dpus', { id: 'd1', doorway_id: 1 });
  });
  afterAll(async () => {
    await nats?.nc.close();
    await service?.stop();
    if (isMounted) execFileSync('umount', ['-l', disk]);
    await rm(folder, { recursive: true, force: true });
  });

  /** A few hundred readings, in order, so that none has to be looked up in history. */
  async function send(readings: number): Promise<void> {
    const items = Array.from({ length: readings }, () => ({ timestamp: firstMs + sent++, direction: 1 }));
    await nats.js.publish('dpu.d1.readings', JSON.stringify(items));
  }
  const net = async (): Promise<unknown> => ((await service.get('/counts/1/current')).body as { net: number }).net;
  const stored = async (): Promise<number> =>
    Number((await service.get('/readings?limit=1')).headers.get('x-total-count'));
  const failures = async (): Promise<number> =>
    metricValue(await readMetrics(service.url), 'density_block_failures_total');

  it('does not stop live counts, and history is complete once there is space', async ({ skip }) => {
    skip(!isMounted, 'needs to mount a file system: run it as root, in a container with --cap-add SYS_ADMIN');
    await send(100);
    await eventually(async () => expect(await stored()).toBe(100));
    fill(join(disk, 'filling'));
    for (let n = 0; n < 5; n++) {
      await send(1_000);
      await eventually(async () => expect(await net()).toBe(sent));
    }
    await eventually(async () => expect(await failures()).toBeGreaterThan(0));
    // History still has nothing new, and live counts continue.
    expect(await stored()).toBe(100);
    await send(1);
    await eventually(async () => expect(await net()).toBe(sent));

    await rm(join(disk, 'filling'));
    await eventually(async () => expect(await stored()).toBe(sent));
    await eventually(async () => expect(metricValue(await readMetrics(service.url), 'density_blocks_queued')).toBe(0));
    const [hour] = (
      await service.get(
        `/counts/1/intervals?start=${new Date(firstMs).toISOString()}&end=${new Date(firstMs + 3_600_000).toISOString()}&interval=1h`,
      )
    ).body as { entrances: number; count: number }[];
    expect(hour).toMatchObject({ entrances: sent, count: sent });
    expect((await service.get('/account')).body).toMatchObject({ accepted: sent, applied: sent, remainder: 0 });
  });
});

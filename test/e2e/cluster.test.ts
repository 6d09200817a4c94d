// Several processes share the shards: under load they join and leave, are killed, suspended and restarted one by one, and
// the engines are killed under them. In the end every count, row and number of the account is the oracle's.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWithOracle } from '../chaos/comparison.ts';
import { drawLoad, type Load } from '../chaos/load.ts';
import { askingUntilAnswered, raiseBuilding, sendUntilAcknowledged } from '../chaos/sending.ts';
import { Random } from '../simulation/random.ts';
import { DensityCluster } from '../support/density-cluster.ts';
import { eventually } from '../support/eventually.ts';

const [PARTITIONS, TTL_MS, READINGS, SEED] = [6, 5_000, 6_000, 5];
/** Only an upper bound: `npm run bench:handover` measures how long a handover and a crash take, on an idle machine. */
const WITHIN_MS = 120_000;
const [BETWEEN_MESSAGES_MS, BETWEEN_MOVES_MS] = [60, 1_500];

describe('a cluster of processes', () => {
  let cluster: DensityCluster;
  let load: Load;
  let sending: { stop(): Promise<void> };

  /** Asks any process; one that was just killed does not answer. */
  const ask = askingUntilAnswered(() => {
    const names = [...cluster.nodes.keys()];
    return cluster.node(names[Math.floor(Math.random() * names.length)] ?? '').api;
  }, WITHIN_MS);
  const answersEverywhere = async (): Promise<void> => {
    for (const name of cluster.nodes.keys()) {
      for (const n of load.spaces.keys()) {
        await eventually(
          async () =>
            expect((await cluster.get(name, `/counts/${n + 1}/current`)).status, `${name}, space ${n + 1}`).toBe(200),
          WITHIN_MS,
        );
      }
    }
  };
  const sharedOut = async (shares: Record<string, number>): Promise<void> =>
    eventually(() => expect(cluster.shares()).toEqual(shares), WITHIN_MS);

  beforeAll(async () => {
    load = drawLoad(new Random(SEED), READINGS, Date.now());
    cluster = await DensityCluster.start({ partitions: PARTITIONS, ttlMs: TTL_MS });
    await cluster.join('a');
    await raiseBuilding(ask, load);
    sending = send();
  });
  afterAll(async () => cluster.dispose());

  it('shares the shards fairly when processes join', async () => {
    await Promise.all([cluster.join('b'), cluster.join('c', { STANDBY: '1' })]);
    await sharedOut({ a: 2, b: 2, c: 2 });
    await answersEverywhere();
  });

  it('answers from a process that owns nothing', async () => {
    await cluster.join('api', { ROLE: 'api' });
    await answersEverywhere();
    await sharedOut({ a: 2, b: 2, c: 2 });
    expect(await cluster.leave('api', 'SIGTERM')).toBe(0);
  });

  it('shrinks from three processes to two, and grows to three again', async () => {
    expect(await cluster.leave('b', 'SIGTERM')).toBe(0);
    await sharedOut({ a: 3, c: 3 });
    await answersEverywhere();
    await cluster.join('b2');
    await sharedOut({ a: 2, b2: 2, c: 2 });
  });

  it('answers again after one is killed', async () => {
    await cluster.leave('b2', 'SIGKILL');
    await sharedOut({ a: 3, c: 3 });
    await answersEverywhere();
  });

  it('takes over from a suspended process, which gives no outdated answer when it resumes', async () => {
    const zombie = cluster.node('a');
    zombie.child.kill('SIGSTOP');
    await sharedOut({ c: 6 });
    const before = await eventually(async () => {
      const answer = await cluster.get('c', '/counts/1/current');
      expect(answer.status).toBe(200);
      return answer.body as { watermark: string | null };
    }, WITHIN_MS);
    zombie.child.kill('SIGCONT');
    const after = await cluster.get('a', '/counts/1/current');
    expect([200, 503]).toContain(after.status);
    if (after.status === 200)
      expect(Date.parse((after.body as { watermark: string | null }).watermark ?? '')).toBeGreaterThanOrEqual(
        Date.parse(before.watermark ?? '1970'),
      );
    await sharedOut({ a: 3, c: 3 });
  });

  it('hands shards over during a rolling restart', async () => {
    for (const name of ['a', 'c']) {
      await cluster.join(`${name}2`);
      expect(await cluster.leave(name, 'SIGTERM')).toBe(0);
    }
    await sharedOut({ a2: 3, c2: 3 });
    await answersEverywhere();
  });

  it('recovers after NATS was killed and unavailable for longer than a lease', async () => {
    const revive = await cluster.engines.killNats();
    await sleep(TTL_MS + 500);
    await revive();
    await answersEverywhere();
    await sharedOut({ a2: 3, c2: 3 });
  });

  it('keeps counting while ClickHouse is unavailable and another process takes over', async () => {
    // A shard that is starting looks at the logs first, and cannot while ClickHouse is unavailable. Only the process that
    // owns the shard knows at once that it is starting.
    await eventually(async () => {
      const asked = await Promise.all(['a2', 'c2'].map(async (name) => cluster.get(name, '/health')));
      for (const { body } of asked) expect(body).toMatchObject({ problems: [] });
      expect(cluster.shares()).toEqual({ a2: 3, c2: 3 });
    }, WITHIN_MS);
    await answersEverywhere();
    const revive = await cluster.engines.killClickhouse();
    await answersEverywhere();
    await cluster.leave('a2', 'SIGKILL');
    await sharedOut({ c2: 6 });
    await revive();
    await cluster.join('a3');
    await sharedOut({ a3: 3, c2: 3 });
    await answersEverywhere();
  });

  it('ends with the counts of the set of readings, placements and resets, whichever process is asked', async () => {
    await sending.stop();
    const { sent, compared, differences } = await compareWithOracle({
      load,
      random: new Random(SEED + 1),
      natsUrl: cluster.engines.natsUrl,
      clickhouseUrl: cluster.engines.clickhouseUrl,
      partitions: PARTITIONS,
      ask: (path) => ask('GET', path),
    });
    expect(differences).toEqual([]);
    expect(sent).toBeGreaterThan(READINGS);
    expect(compared).toBeGreaterThan(READINGS);
  });

  /** Sends everything in order, over and over until it is stopped, but everything at least once. */
  function send(): { stop(): Promise<void> } {
    let isOver = false;
    const { js } = cluster.nats;
    const publishing = (async () => {
      for (let n = 0; !isOver || n < load.messages.length; n++) {
        const message = load.messages[n % load.messages.length];
        if (message) await sendUntilAcknowledged(js, message, WITHIN_MS);
        await sleep(isOver ? 0 : BETWEEN_MESSAGES_MS);
      }
    })();
    const moving = (async () => {
      for (const { method, path, body } of load.moves) {
        await ask(method, path, body);
        await sleep(isOver ? 0 : BETWEEN_MOVES_MS);
      }
    })();
    // A failure is reported at the end.
    const done = Promise.all([publishing, moving]);
    done.catch(() => undefined);
    return {
      stop: async () => {
        isOver = true;
        await done;
      },
    };
  }
});

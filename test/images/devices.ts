// DPUs that send over NATS, MQTT and HTTP, whatever is stopped meanwhile: each sends a reading again until it is
// acknowledged. Each has a space of its own, whose count is then the number of acknowledged readings.
import mqtt from 'mqtt';
import { expect } from 'vitest';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/local-service.ts';
import { askingUntilAnswered, type Ask } from '../chaos/sending.ts';

export interface Doors {
  /** The URLs of the service's nodes. */
  readonly nodes: readonly string[];
  readonly natsUrl: string;
  readonly mqttUrl: string;
}

/** The token of deploy/compose/tokens.json. */
export const TOKEN = 'dty_for-trying-out-only';
const ACKNOWLEDGED_WITHIN_MS = 300_000;
const COUNTED_WITHIN_MS = 300_000;
/** After this time a device considers a message lost. */
const ATTEMPT_MS = 5_000;
const DEVICES_PER_PROTOCOL = 3;

type Publish = (message: string) => Promise<unknown>;

interface Device {
  readonly name: string;
  readonly spaceId: number;
  readonly publish: Publish;
  acknowledged: number;
}

export class Devices {
  readonly #doors: Doors;
  readonly #devices: Device[] = [];
  readonly #connections: (() => Promise<unknown>)[] = [];
  /** No two readings of a device have the same timestamp. */
  readonly #firstMs = Date.now() - 3_600_000;

  private constructor(doors: Doors) {
    this.#doors = doors;
  }

  static async place(doors: Doors): Promise<Devices> {
    const devices = new Devices(doors);
    const nats = await connectNats(doors.natsUrl, 'devices');
    devices.#connections.push(() => nats.nc.close());
    let turn = 0;
    const node = (): string => `${doors.nodes[turn++ % doors.nodes.length]}/api/v1`;
    const ask = askingUntilAnswered(node, ACKNOWLEDGED_WITHIN_MS, TOKEN);
    for (let n = 0; n < DEVICES_PER_PROTOCOL; n++) {
      await devices.#place(ask, `nats-${n}`, overNats(nats, `nats-${n}`));
      await devices.#place(ask, `mqtt-${n}`, devices.#overMqtt(`mqtt-${n}`));
      await devices.#place(ask, `http-${n}`, overHttp(node, `http-${n}`));
    }
    return devices;
  }

  /** Each device sends this many readings. */
  async send(readings: number): Promise<void> {
    let sent = 0;
    await this.#sendWhile(() => sent++ < readings * this.#devices.length);
  }

  /** All devices send until `act` has ended, and a little longer. */
  async sendDuring(act: () => Promise<void>): Promise<void> {
    let isActing = true;
    const sending = this.#sendWhile(() => isActing);
    try {
      await act();
    } finally {
      isActing = false;
    }
    await sending;
    await this.send(10);
  }

  /** Every node counts exactly the acknowledged readings of each device. */
  async expectCounted(nodes: readonly string[] = this.#doors.nodes): Promise<void> {
    const expected = Object.fromEntries(this.#devices.map(({ name, acknowledged }) => [name, acknowledged]));
    for (const node of nodes)
      await eventually(async () => expect(await this.#counts(node), node).toEqual(expected), COUNTED_WITHIN_MS);
  }

  async close(): Promise<void> {
    for (const close of this.#connections) await close();
  }

  async #counts(node: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name, spaceId } of this.#devices) {
      const { status, body } = await request(`${node}/api/v1/counts/${spaceId}/current`, 'GET', undefined, TOKEN);
      if (status !== 200) throw new Error(`${node} answers ${status} about ${name}: ${JSON.stringify(body)}`);
      counts[name] = (body as { count: number }).count;
    }
    return counts;
  }

  async #sendWhile(goesOn: () => boolean): Promise<void> {
    await Promise.all(
      this.#devices.map(async (device) => {
        while (goesOn()) {
          const timestamp = this.#firstMs + device.acknowledged;
          const message = JSON.stringify({ timestamp, direction: 1, id: String(device.acknowledged) });
          await eventually(() => device.publish(message), ACKNOWLEDGED_WITHIN_MS);
          device.acknowledged += 1;
        }
      }),
    );
  }

  async #place(ask: Ask, name: string, publish: Publish): Promise<void> {
    const { id: spaceId } = (await ask('POST', '/spaces', { name })) as { id: number };
    const doorway = { name, ingress_space_id: spaceId, egress_space_id: null };
    const { id: doorwayId } = (await ask('POST', '/doorways', doorway)) as { id: number };
    await ask('POST', '/dpus', { id: name, doorway_id: doorwayId });
    this.#devices.push({ name, spaceId, publish, acknowledged: 0 });
  }

  #overMqtt(name: string): Publish {
    const client = mqtt.connect(this.#doors.mqttUrl, {
      protocolVersion: 4,
      clientId: name,
      reconnectPeriod: 100,
      connectTimeout: ATTEMPT_MS,
    });
    // The server is unavailable at times.
    client.on('error', () => undefined);
    this.#connections.push(() => client.endAsync(true));
    return (message) => client.publishAsync(`dpu/${name}/readings`, message, { qos: 1 });
  }
}

function overNats({ js }: NatsHandles, name: string): Publish {
  return (message) => js.publish(`dpu.${name}.readings`, message, { timeout: ATTEMPT_MS });
}

function overHttp(node: () => string, name: string): Publish {
  return async (message) => {
    const reading = { ...(JSON.parse(message) as object), dpu_id: name };
    const { status } = await request(`${node()}/readings`, 'POST', reading, TOKEN);
    if (status !== 202) throw new Error(`answered ${status}`);
  };
}

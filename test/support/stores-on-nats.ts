// Opens a store for a suite that both implementations pass: in memory, and on nats-server with the permissions of the role "service".
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import { serviceCredentials } from '../../src/nats/credentials.ts';
import { startSecuredNats } from './secured-nats.ts';

export interface OpenedStore<Store> {
  readonly store: Store;
  /** As another process has it. */
  readonly other: Store;
  close(): Promise<void>;
}

/** For `describe.each`: what the store is on, and how to open it. */
export function storesOf<Store>(
  inMemory: () => Store,
  onNats: (js: JetStreamClient) => Store,
): [name: string, open: () => Promise<OpenedStore<Store>>][] {
  return [
    ['in memory', async () => openedInMemory(inMemory())],
    ['on nats-server', async () => openedOnNats(onNats)],
  ];
}

function openedInMemory<Store>(store: Store): OpenedStore<Store> {
  return { store, other: store, close: async () => undefined };
}

async function openedOnNats<Store>(create: (js: JetStreamClient) => Store): Promise<OpenedStore<Store>> {
  const nats = await startSecuredNats();
  const connect = async () => nats.connect(await serviceCredentials(nats.keyring, 'service'));
  const [one, two] = [await connect(), await connect()];
  return {
    store: create(jetstream(one)),
    other: create(jetstream(two)),
    close: async () => {
      for (const connection of [one, two]) await connection.close();
      await nats.stop();
    },
  };
}

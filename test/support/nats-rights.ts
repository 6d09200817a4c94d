// Whether a connection may publish or subscribe, tested on the server.
import { PermissionViolationError, type NatsConnection } from 'nats';

const refusals = new Map<NatsConnection, string[]>();

function watchRefusals(connection: NatsConnection): string[] {
  const refused: string[] = [];
  refusals.set(connection, refused);
  void (async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        refused.push(status.error.subject);
    }
  })();
  return refused;
}

/** Tries to publish. The server answers in order, so a refusal arrives before the answer to a ping. */
export async function mayPublish(
  connection: NatsConnection,
  subject: string,
  options: { reply?: string } = {},
): Promise<boolean> {
  const refused = refusals.get(connection) ?? watchRefusals(connection);
  refused.length = 0;
  connection.publish(subject, '{}', options);
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
  return !refused.includes(subject);
}

export async function maySubscribe(connection: NatsConnection, subject: string): Promise<boolean> {
  let isRefused = false;
  const subscription = connection.subscribe(subject, { callback: (error) => void (isRefused ||= error !== null) });
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
  if (!isRefused) subscription.unsubscribe();
  return !isRefused;
}

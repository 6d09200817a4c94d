// Ports for processes that are killed and restarted on the same port. Another process could have a port that the system
// had picked, because the system also uses those for outgoing connections.
import { once } from 'node:events';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';
/** Below the ephemeral ports of Linux (32768) and others (49152), and above common service ports. */
const [FIRST, LAST] = [20_000, 32_000];
const ATTEMPTS_MAX = 1_000;

/** Ports on which nothing listens now, and which the system does not assign. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempts = 0; ports.size < count; attempts++) {
    if (attempts >= ATTEMPTS_MAX) throw new Error(`no ${count} free ports from ${FIRST} to ${LAST}`);
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, HOST), 'listening');
    await once(server.close(), 'close');
    return true;
  } catch {
    return false;
  }
}

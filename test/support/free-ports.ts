// Ports for what is killed and started again where it was. A port that the system had picked could be somebody's by then:
// it gives those to whoever connects, too.
import { once } from 'node:events';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';
/** Below those that Linux (32768) and others (49152) hand out, and above what services commonly have. */
const [FIRST, LAST] = [20_000, 32_000];
const ATTEMPTS_MAX = 1_000;

/** Nobody listens on them now, and nobody is given them by chance. */
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

// Sends one request over and over, on many connections, from a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
}

interface Answers {
  /** Answers with 2xx. */
  readonly answered: number;
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function sendLoad(load: Load): Promise<Answers> {
  const child = fork(fileURLToPath(import.meta.url));
  const heard = once(child, 'message');
  child.send(load);
  const [answers] = (await heard) as [Answers];
  return answers;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [load] = (await once(process, 'message')) as [Load];
  const { url, connections, seconds, headers } = load;
  const found = await autocannon({ url, connections, duration: seconds, headers });
  process.send?.({
    answered: found['2xx'],
    failed: found.non2xx + found.errors + found.timeouts,
    seconds: found.duration,
    p50Ms: found.latency.p50,
    p99Ms: found.latency.p99,
  } satisfies Answers);
  process.disconnect();
}

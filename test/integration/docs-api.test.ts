// Every command of docs/api.md, in its order, against the real service.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const run = promisify(execFile);
const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```console\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split(/^\$ /m).slice(1)).map((example) => {
  const [command = '', ...answer] = example.trim().split('\n');
  return { command, answer: answer.join('\n') };
});

/** `…` stands for anything. */
function matcher(value: unknown): unknown {
  if (value === '…') return expect.anything() as unknown;
  if (Array.isArray(value)) return value.map(matcher);
  return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, matcher(each)])) : value;
}

describe('docs/api.md', () => {
  let service: LocalService;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
  });
  afterAll(async () => service?.dispose());

  it('has examples', () => expect(examples.length).toBeGreaterThan(12));

  it.each(examples)('$command', async ({ command, answer }) => {
    const here = command.replaceAll('localhost:8000/api/v1', service.api);
    // What was sent is counted a moment later; a command that writes is run once.
    const check = async (): Promise<void> => expect(JSON.parse((await run('bash', ['-c', here])).stdout)).toMatchObject(matcher(JSON.parse(answer)) as object);
    await (/ -d | --data-binary /.test(command) ? check() : eventually(check, 10_000));
  });
});

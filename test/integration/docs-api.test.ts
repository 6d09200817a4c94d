// Every command of docs/api.md and the examples of the README, in their order, against the real service.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const run = promisify(execFile);
const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```console\n(.*?)^```/gms)]
  .flatMap(([, block = '']) => block.split(/^\$ /m).slice(1))
  .map((example) => {
    const [command = '', ...answer] = example.trim().split('\n');
    return { command, answer: answer.join('\n') };
  });

/** `…` matches anything. */
function matcher(value: unknown): unknown {
  if (value === '…') return expect.anything() as unknown;
  if (Array.isArray(value)) return value.map(matcher);
  return value !== null && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, matcher(each)]))
    : value;
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
    // Readings are counted a moment later; a command that writes runs only once.
    const check = async (): Promise<void> =>
      expect(JSON.parse((await run('bash', ['-c', here])).stdout)).toMatchObject(matcher(JSON.parse(answer)) as object);
    await (/ -d | --data-binary /.test(command) ? check() : eventually(check));
  });
});

describe('the README', () => {
  const readme =
    readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
      .split('## The API by example')[1]
      ?.split('\n## ')[0] ?? '';
  const [commands = '', publish = ''] = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
  let service: LocalService;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
  });
  afterAll(async () => service?.dispose());

  it('has examples that do what they say, in order, and none is refused', async () => {
    const here = commands.replace(/^api=.*$/m, `api=${service.api}`);
    // Each answer is on its own line, and the first error stops the script.
    const { stdout } = await run('bash', [
      '-c',
      `set -euo pipefail\ncurl() { command curl -sS --fail-with-body "$@"; echo; }\n${here}`,
    ]);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers).toHaveLength([...commands.matchAll(/^curl /gm)].length);
    expect(answers.find((answer) => 'last_reading_at' in answer)).toMatchObject({ space_id: 1 });
    await eventually(async () => expect((await service.get('/counts/1/current')).body).toMatchObject({ count: 12 }));
    expect((await service.get('/dpus/283/placements')).body).toMatchObject([
      { doorway_id: 1 },
      { doorway_id: 2, to: null },
    ]);
  });

  it('has an example of a reading over NATS that is accepted', async () => {
    const [, subject = '', payload = ''] = /^nats req (\S+) '(.*)'$/m.exec(publish) ?? [];
    const nats = await connect({ servers: service.natsUrl });
    expect((await nats.request(subject, payload, { timeout: 60_000 })).json()).toMatchObject({ stream: 'READINGS' });
    await nats.close();
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({ accepted: 3, applied: 3, remainder: 0 }),
    );
  });
});

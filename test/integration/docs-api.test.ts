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
  const [commands = '', story = '', publish = ''] = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(
    ([, block = '']) => block,
  );
  let service: LocalService;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
  });
  afterAll(async () => service?.dispose());

  it('has examples that do what they say, in order, and none is refused', async () => {
    const answers = (await answersTo(commands)) as Record<string, unknown>[];
    expect(answers.find((answer) => 'last_reading_at' in answer)).toMatchObject({ space_id: 1 });
    await eventually(async () => expect((await service.get('/counts/1/current')).body).toMatchObject({ count: 12 }));
    expect((await service.get('/dpus/283/placements')).body).toMatchObject([
      { doorway_id: 1 },
      { doorway_id: 2, to: null },
    ]);
  });

  it('explains a wrong count, tries a correction and makes it, and gives the report as it was', async () => {
    const report = '/counts/1/intervals?start=2026-11-24T09:00:00Z&end=2026-11-24T10:00:00Z&interval=1h';
    const says = async (entrances: number): Promise<void> =>
      eventually(async () => expect((await service.get(report)).body).toMatchObject([{ entrances, exits: 0 }]));
    await says(2);
    const [before, why, dryRun, made, asItWas] = await answersTo(story);
    expect(before).toMatchObject([{ entrances: 2, count: 2 }]);
    expect(why).toMatchObject({ doorways: [{ doorway_id: 2, dpu_id: '283', entrances: 2, exits: 0 }] });
    expect(dryRun).toMatchObject({ spaces: [{ space_id: 1 }] });
    expect(made).toMatchObject({ reason: 'the cleaning crew' });
    expect(asItWas).toEqual(before);
    await says(0);
  });

  /** Each answer is on its own line, and the first error stops the script. */
  async function answersTo(script: string): Promise<unknown[]> {
    const { stdout } = await run('bash', [
      '-c',
      `set -euo pipefail\ncurl() { command curl -sS --fail-with-body "$@"; echo; }\napi=${service.api}\n${script.replace(/^api=.*$/m, '')}`,
    ]);
    const answers = stdout.trim().split('\n');
    expect(answers).toHaveLength([...script.matchAll(/^curl /gm)].length);
    return answers.map((line) => JSON.parse(line) as unknown);
  }

  it('has an example of a reading over NATS that is accepted', async () => {
    const [, subject = '', payload = ''] = /^nats req (\S+) '(.*)'$/m.exec(publish) ?? [];
    const nats = await connect({ servers: service.natsUrl });
    expect((await nats.request(subject, payload, { timeout: 60_000 })).json()).toMatchObject({ stream: 'READINGS' });
    await nats.close();
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({
        accepted: 3,
        applied: 0,
        excluded: 3,
        remainder: 0,
      }),
    );
  });
});

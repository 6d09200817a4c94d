// `density topology import` and `export` against a service.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-topology-'));
  service = await startLocalService({ PARTITIONS: '2' });
});
afterAll(async () => {
  await service?.dispose();
  if (folder) await rm(folder, { recursive: true });
});

async function density(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  let code = -1;
  const program = createProgram({
    readConfig: () => readConfig({}),
    printLine: (line) => out.push(line),
    warn: (line) => err.push(line),
    finish: (given) => (code = given),
  });
  await program.parseAsync(['node', 'density', 'topology', ...args, '--url', service.url]);
  return { code, out, err };
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('density topology', () => {
  it('E3 imports a file, after a dry run that changes nothing', async () => {
    const path = await file(
      'building.csv',
      'kind,name,ingress_space,dpu_id,doorway\nspace,Vault,,,\ndoorway,Vault door,Vault,,\ndpu,,,v1,Vault door\n',
    );
    expect(await density('import', path, '--dry-run')).toEqual({
      code: 0,
      err: [],
      out: [
        `${path}: the document is valid; an import would do this`,
        '  spaces: 1 created, 0 updated, 0 unchanged',
        '  doorways: 1 created, 0 updated, 0 unchanged',
        '  DPUs: 1 created, 0 updated, 0 unchanged',
        '  devices: 0 created, 0 updated, 0 unchanged',
        '  exclusions: 0 created, 0 updated, 0 unchanged',
        '  line 2: create space "Vault"',
        '  line 3: create doorway "Vault door"',
        '  line 4: create dpu "v1"',
        expect.stringMatching(/^nothing was changed; as of topology-\d+-\w+, this would correct 0 readings$/),
        'no count would change',
      ],
    });
    expect((await density('import', path)).out.slice(0, 2)).toEqual([
      `${path}: imported`,
      '  spaces: 1 created, 0 updated, 0 unchanged',
    ]);
  });

  it('E3 exports a file that imports again without a change', async () => {
    const copy = join(folder, 'copy.json');
    expect((await density('export', copy)).code).toBe(0);
    expect(JSON.parse(await readFile(copy, 'utf8'))).toMatchObject({ spaces: [{ name: 'Vault' }] });
    const again = await density('import', copy, '--json');
    expect(JSON.parse(again.out[0] ?? '')).toMatchObject({ changes_count: 0, dpus: { unchanged: 1 } });
    const [csv = ''] = (await density('export')).out;
    expect(csv.split('\n')).toContain('dpu,,,,,,,,,v1,,Vault door,,,,,,');
    const [json = ''] = (await density('export', '--format', 'json')).out;
    expect(`${json}\n`).toBe(await readFile(copy, 'utf8'));
    const [before = ''] = (await density('export', '--format', 'json', '--known-at', '2020-01-01T00:00:00Z')).out;
    expect(JSON.parse(before)).toMatchObject({ spaces: [], dpus: [] });
  });

  it('E3 prints the line of every mistake, and exits with 1', async () => {
    const path = await file('hatch', '{"doorways": [\n{"name": "Hatch", "ingress_space": "Nowhere"},\n{"name": ""}]}');
    const { code, out, err } = await density('import', path);
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(err.slice(1)).toEqual([
      '  line 2: doorways.0.ingress_space: there is no space "Nowhere"',
      '  line 3: doorways.1.name: must not be empty',
    ]);
    await expect(density('import', join(folder, 'none'))).rejects.toThrow('cannot read');
  });
});

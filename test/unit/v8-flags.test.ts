// The settings of V8 that the program sets for itself.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { projectFile } from '../support/project.ts';

it('the flags are known to this Node, which would otherwise complain at each start', async () => {
  const program = projectFile('bin/density.js');
  const flags = [...program.matchAll(/setFlagsFromString\('(.+)'\)/g)].map(([, flag = '']) => flag);
  expect(flags).toEqual(['--heap-growing-percent=150']);
  await expect(promisify(execFile)(process.execPath, [...flags, '-e', ''])).resolves.toEqual({
    stdout: '',
    stderr: '',
  });
});

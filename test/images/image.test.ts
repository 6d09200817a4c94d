// The image itself: its contents, its user, and its requirements on the container.
import { expect, inject, test } from 'vitest';
import { DockerEngine } from './docker-engine.ts';

const engine = DockerEngine.at(inject('docker'));
const { service, build } = inject('images');

/** Runs a program in the image as strictly as compose and Kubernetes do. */
async function inside(image: string, program: string, ...args: string[]): Promise<string> {
  const strict = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'];
  return engine.docker(['run', '--rm', ...strict, '--entrypoint', program, image, ...args]);
}

test('contains compiled code and its dependencies, neither sources nor development tools', async () => {
  const packages = (await inside(service, 'ls', '/app/node_modules')).split('\n');
  expect(packages).toContain('koa');
  for (const name of ['chdb', '@chdb', 'tsx', 'esbuild', '@esbuild', 'typescript', 'vitest'])
    expect(packages).not.toContain(name);
  expect((await inside(service, 'ls', '/app')).trim().split('\n').sort()).toEqual([
    'bin',
    'deploy',
    'dist',
    'node_modules',
    'package.json',
  ]);
});

test('is compiled without chDB', async () => {
  const packages = (await inside(build, 'ls', '/app/node_modules')).split('\n');
  expect(packages).toContain('typescript');
  expect(packages).not.toContain('@chdb');
});

test('runs as user 1000 in a read-only file system without capabilities', async () => {
  expect((await inside(service, 'id', '-u')).trim()).toBe('1000');
  const entrypoint = ['--enable-source-maps', '--max-semi-space-size=64', 'bin/density.js'];
  expect(await inside(service, 'node', ...entrypoint, '--help')).toContain('migrate');
});

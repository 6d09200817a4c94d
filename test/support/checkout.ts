// A copy of everything that compiling needs, whose sources a test may change.
import { cp, mkdtemp, realpath, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './project.ts';

const COMPILED_FROM = [
  'bin',
  'src',
  'actors',
  'web',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** @returns the folder; the caller removes it */
export async function copyOfCheckout(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'density-checkout-')));
  for (const path of COMPILED_FROM) await cp(join(ROOT, path), join(folder, path), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

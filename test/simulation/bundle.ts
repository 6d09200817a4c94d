// Builds the simulation as one file of JavaScript: it runs a third faster than under tsx, which keeps
// the name of every closure that is made, and a mutant is a build in which one source was changed.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A change of one source file. */
export interface Patch {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** @returns the path of the bundle @throws Error when a patch does not fit its file exactly once */
export async function bundle(entry: string, name: string, patches: readonly Patch[] = []): Promise<string> {
  const outfile = `${ROOT}.cache/simulation/${name}.mjs`;
  const unused = new Set(patches.map(({ file }) => file));
  await build({
    entryPoints: [`${ROOT}${entry}`], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'silent',
    plugins: [{
      name: 'patches',
      setup: (plugin) => plugin.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = path.slice(ROOT.length);
        const own = patches.filter((patch) => patch.file === file);
        if (own.length === 0) return undefined;
        unused.delete(file);
        return { loader: 'ts', contents: own.reduce(apply, await readFile(path, 'utf8')) };
      }),
    }],
  });
  if (unused.size > 0) throw new Error(`no such source in the bundle: ${[...unused].join(', ')}`);
  return outfile;
}

function apply(source: string, { file, find, replace }: Patch): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file}: found ${parts.length - 1} times instead of once: ${find}`);
  return parts.join(replace);
}

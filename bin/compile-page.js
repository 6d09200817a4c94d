// Compiles web/ into the page that the service serves at /: index.html, and a script and a style sheet that are named after their
// content, so that browsers keep them. Each file also has compressed copies, which are served as they are.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build as bundle } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Where index.html says that its files are. */
const ASSETS = 'assets';

/** @param outdir the folder of the page; it is created */
export async function compilePage(outdir) {
  await bundle({
    absWorkingDir: ROOT,
    entryPoints: ['web/main.tsx'],
    outdir: join(outdir, ASSETS),
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    tsconfig: 'web/tsconfig.json',
    legalComments: 'none',
    logLevel: 'silent',
  });
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'index.html'), indexOf(readdirSync(join(outdir, ASSETS))));
  for (const name of readdirSync(outdir, { recursive: true, encoding: 'utf8' })) {
    if (basename(name) === ASSETS) continue;
    const content = readFileSync(join(outdir, name));
    writeFileSync(join(outdir, `${name}.gz`), gzipSync(content, { level: 9 }));
    writeFileSync(join(outdir, `${name}.br`), brotliCompressSync(content));
  }
}

function indexOf(names) {
  const named = (ending) => `/${ASSETS}/${names.find((name) => name.endsWith(ending))}`;
  return readFileSync(join(ROOT, 'web/index.html'), 'utf8')
    .replace('/main.css', named('.css'))
    .replace('/main.js', named('.js'));
}

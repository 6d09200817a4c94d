// Compiles at `npm ci` and `npm install`, so that the first start need not. An install without it is complete too: the first start
// compiles, or says why it cannot. With --required the exit code says whether there is a build.
import { findBuild } from './build.js';

try {
  await findBuild();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  if (process.argv.includes('--required')) process.exitCode = 1;
}

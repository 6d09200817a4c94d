// Compiles at `npm ci` and `npm install`, so that the first start is fast. If this is skipped or fails, the first start compiles, or
// prints why it cannot. With --required, a failure sets the exit code.
import { findBuild } from './build.js';

try {
  await findBuild();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  if (process.argv.includes('--required')) process.exitCode = 1;
}

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/images/**/*.test.ts'],
    globalSetup: ['test/support/engines.setup.ts', 'test/images/images.setup.ts'],
    testTimeout: 900_000,
    hookTimeout: 900_000,
    pool: 'forks',
    // Each file runs the whole compose project.
    fileParallelism: false,
    reporters: ['verbose', './test/support/count-reporter.ts'],
  },
});

import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.ts';

/** `npm run coverage`: where processes that tests start leave what they covered. Workers are started without it. */
const processes = process.env['COVERAGE_OF_PROCESSES'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They need Docker: npm run test:images.
    exclude: ['test/images/**'],
    globalSetup: ['test/support/engines.setup.ts'],
    testTimeout: 600_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
    // In a process of its own each file would load and compile the program again: about a second for a unit test, four for a service.
    isolate: false,
    sequence: { sequencer: SlowestFirst },
    reporters: ['default', './test/support/count-reporter.ts'],
    env: processes === undefined ? {} : { NODE_V8_COVERAGE: resolve(processes) },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts', 'actors/**/*.ts'],
      reporter: ['json'],
      reportsDirectory: 'coverage/vitest',
      reportOnFailure: true,
    },
  },
});

import type { Reporter, TestModule } from 'vitest/node';

/**
 * Prints the reason for each skipped test, and `N passed, N failed` on a line of its own for scripts that read only
 * that.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let [passed, failed] = [0, unhandledErrors.length];
    const skipped: string[] = [];
    for (const module of modules) {
      // A file that cannot be loaded has no tests that could fail.
      if (module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed += 1;
        if (result.state === 'failed') failed += 1;
        if (result.state === 'skipped' && test.options.mode !== 'skip')
          skipped.push(`skipped: ${test.fullName}: ${result.note ?? 'no reason given'}`);
      }
    }
    process.stdout.write(`\n${[...skipped, `${passed} passed, ${failed} failed`].join('\n')}\n`);
  }
}

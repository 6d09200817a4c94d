// The order of test files. By default those of unknown duration come by size; a file that takes two minutes and comes last is
// waited for by the other worker. Tests that start and kill processes are the longest.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SLOWEST = [
  'test/chaos/',
  'test/e2e/',
  'test/deploy/',
  'test/simulation/',
  'test/conformance/',
  'test/integration/',
];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = SLOWEST.findIndex((folder) => moduleId.includes(`/${folder}`));
      return found < 0 ? SLOWEST.length : found;
    };
    return bySize.toSorted((a, b) => rank(a) - rank(b));
  }
}

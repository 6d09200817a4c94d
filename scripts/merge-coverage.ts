// Merges what the tests' workers covered with what the processes that they started did, line by line: the two tools
// divide a line into statements differently, so that their own reports cannot be added up.
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import coverage, { type CoverageMapData } from 'istanbul-lib-coverage';

const WORST_FILES = 40;

const read = (path: string): coverage.CoverageMap =>
  coverage.createCoverageMap(JSON.parse(readFileSync(path, 'utf8')) as CoverageMapData);

interface FileLines {
  readonly file: string;
  readonly lines: number;
  readonly uncovered: readonly number[];
}

function mergeLines(workers: coverage.CoverageMap, processes: coverage.CoverageMap): FileLines[] {
  const ofProcesses = new Set(processes.files());
  return workers.files().map((path) => {
    const hits = Object.entries(workers.fileCoverageFor(path).getLineCoverage());
    const others = ofProcesses.has(path) ? processes.fileCoverageFor(path).getLineCoverage() : {};
    const uncovered = hits
      .filter(([line, count]) => count === 0 && !others[Number(line)])
      .map(([line]) => Number(line));
    return { file: relative(process.cwd(), path), lines: hits.length, uncovered };
  });
}

/** `12-14, 20`, where a range may skip lines without a statement. */
function rangesOf({ uncovered }: FileLines): string {
  const ranges: [number, number][] = [];
  for (const line of uncovered) {
    const last = ranges.at(-1);
    if (last && line - last[1] <= 2) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ');
}

const files = mergeLines(
  read('coverage/vitest/coverage-final.json'),
  read('coverage/processes-report/coverage-final.json'),
);
const sum = (of: (file: FileLines) => number): number => files.reduce((total, file) => total + of(file), 0);
const [lines, missed] = [sum((file) => file.lines), sum(({ uncovered }) => uncovered.length)];
const report = files
  .filter(({ uncovered }) => uncovered.length > 0)
  .sort((a, b) => b.uncovered.length - a.uncovered.length)
  .map((file) => `${String(file.uncovered.length).padStart(4)}  ${file.file}: ${rangesOf(file)}`);
const total = `lines of src/ and actors/: ${lines - missed} of ${lines} covered, ${((100 * (lines - missed)) / lines).toFixed(2)} %`;
writeFileSync('coverage/lines.txt', [total, ...report, ''].join('\n'));
process.stdout.write(
  ['lines not covered:', ...report.slice(0, WORST_FILES), '', `${total} (coverage/lines.txt has all)`, ''].join('\n'),
);

// `density account`: where every accepted reading went, and whether any is missing.
import type { Config } from '../config.ts';
import { ApiClient } from './api-client.ts';
import type { PrintLine } from './print-line.ts';

interface AccountJson {
  readonly accepted: number;
  readonly applied: number;
  readonly duplicate: number;
  readonly held: number;
  readonly excluded: number;
  readonly deleted: number;
  readonly dead_lettered: number;
  readonly dead_letters: Readonly<Record<string, number>>;
  readonly dead_letters_evicted: Readonly<Record<string, number>>;
  readonly remainder: number;
  readonly stored: { readonly readings: number; readonly findings: readonly string[] } | null;
}

/** @returns 0 if every reading is accounted for, 1 if not or if that cannot be checked */
export async function accountCommand(
  config: Config,
  options: { json?: boolean; url?: string },
  printLine: PrintLine,
): Promise<number> {
  const account = await new ApiClient(config, options).get<AccountJson>('/account');
  const [letters, evicted] = [sumOf(account.dead_letters), sumOf(account.dead_letters_evicted)];
  const isWhole = account.remainder === 0 && letters + evicted === account.dead_lettered;
  const findings = account.stored
    ? account.stored.findings
    : ['not compared with ClickHouse, which does not answer; try again later'];
  if (options.json) printLine(JSON.stringify(account));
  else {
    printLine(
      `accepted ${account.accepted} = applied ${account.applied} + duplicate ${account.duplicate} + held ${account.held} + excluded ${account.excluded} + deleted ${account.deleted} + dead-lettered ${account.dead_lettered}`,
    );
    for (const [reason, count] of Object.entries(account.dead_letters)) printLine(`  ${reason}: ${count}`);
    if (evicted > 0) printLine(`  evicted (DEAD_LETTERS_BYTES_MAX, DEAD_LETTERS_KEPT_DAYS): ${evicted}`);
    if (account.stored) printLine(`stored in ClickHouse ${account.stored.readings}`);
    for (const finding of findings) printLine(`! ${finding}`);
    if (!isWhole)
      printLine(
        `MISSING: remainder ${account.remainder}; of ${account.dead_lettered} dead-lettered readings, ${letters} are stored and ${evicted} evicted`,
      );
    else if (findings.length === 0) printLine('every reading is accounted for');
  }
  return isWhole && findings.length === 0 ? 0 : 1;
}

function sumOf(items: Readonly<Record<string, number>>): number {
  return Object.values(items).reduce((sum, count) => sum + count, 0);
}

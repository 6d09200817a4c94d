import type { Config } from '../config.ts';
import { ApiClient } from './api-client.ts';

interface AccountJson {
  readonly accepted: number;
  readonly applied: number;
  readonly duplicate: number;
  readonly held: number;
  readonly dead_lettered: number;
  readonly dead_letters: Readonly<Record<string, number>>;
  readonly remainder: number;
  readonly stored: { readonly readings: number; readonly findings: readonly string[] } | null;
}

/** @returns 0 when the account holds, 1 when a reading is missing, or when that cannot be known */
export async function accountCommand(config: Config, options: { json?: boolean; url?: string }, say: (line: string) => void): Promise<number> {
  const account = await new ApiClient(config, options).get<AccountJson>('/account');
  const letters = Object.values(account.dead_letters).reduce((sum, count) => sum + count, 0);
  const isWhole = account.remainder === 0 && letters === account.dead_lettered;
  const findings = account.stored ? account.stored.findings : ['not compared with ClickHouse, which does not answer: ask again later'];
  if (options.json) say(JSON.stringify(account));
  else {
    say(`accepted ${account.accepted} = applied ${account.applied} + duplicate ${account.duplicate} + held ${account.held} + dead-lettered ${account.dead_lettered}`);
    for (const [reason, count] of Object.entries(account.dead_letters)) say(`  ${reason}: ${count}`);
    if (account.stored) say(`stored in ClickHouse ${account.stored.readings}`);
    for (const finding of findings) say(`! ${finding}`);
    if (!isWhole || findings.length === 0) say(isWhole ? 'the account holds' : `MISSING: remainder ${account.remainder}, ${letters} dead letters stored of ${account.dead_lettered}`);
  }
  return isWhole && findings.length === 0 ? 0 : 1;
}

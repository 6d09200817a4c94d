// `density dead-letters`: unusable items, and why they were rejected.
import type { Config } from '../config.ts';
import { formatInstant } from '../domain/instant.ts';
import { NatsDeadLetters } from '../nats/dead-letters.ts';
import { connectCommand } from './connect-command.ts';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

export interface DeadLettersOptions {
  readonly nats?: string;
  readonly limit: number;
  readonly json?: boolean;
}

const TEXT_SHOWN_MAX = 100;

/** Prints the newest dead letters, oldest first. @returns 0 */
export async function deadLettersCommand(
  config: Config,
  { nats, limit, json }: DeadLettersOptions,
  printLine: PrintLine,
): Promise<number> {
  const { nc, js, jsm } = await connectCommand(config, nats, 'density dead-letters');
  try {
    const letters = (await new NatsDeadLetters(js, jsm).newest(limit)).map(
      ({ storedMs, reason, detail, subject, readingsSeq, index, items, isCut, raw }) => ({
        stored_at: formatInstant(storedMs),
        reason,
        detail,
        subject,
        readings_seq: readingsSeq,
        index,
        items,
        cut: isCut,
        text: new TextDecoder().decode(raw),
      }),
    );
    if (json) printLine(JSON.stringify(letters));
    else {
      const rows = letters.map(({ stored_at: at, reason, items, detail, subject, text }) => [
        at,
        reason,
        String(items),
        subject,
        detail,
        text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text,
      ]);
      for (const line of table(['stored at', 'reason', 'items', 'subject', 'detail', 'text'], rows)) printLine(line);
    }
    return 0;
  } finally {
    await nc.close();
  }
}

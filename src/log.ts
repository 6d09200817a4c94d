// The log of the process.
import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

/** Logs to stderr, because stdout is for the output of commands: JSON lines, or a readable form on a terminal. */
export function createLog(level: Config['LOG_LEVEL']): Logger {
  const isTerminal = process.stderr.isTTY;
  return isTerminal
    ? pino({
        level,
        transport: {
          target: 'pino-pretty',
          options: { destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' },
        },
      })
    : pino({ level }, pino.destination({ fd: 2, sync: true }));
}

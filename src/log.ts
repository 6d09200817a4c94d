import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

/** JSON lines, or something to read when a person is looking. Goes to stderr: stdout is for answers. */
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

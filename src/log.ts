// The log of the process.
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const STDERR = 2;

/** Logs to stderr, because stdout is for the output of commands: JSON lines, or a readable form on a terminal. */
export function createLog(level: Config['LOG_LEVEL']): Logger {
  const isTerminal = process.stderr.isTTY;
  return isTerminal
    ? pino({
        level,
        transport: {
          target: 'pino-pretty',
          options: { destination: STDERR, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' },
        },
      })
    : pino({ level }, oncePerTurn(pino.destination({ fd: STDERR, sync: true })));
}

/**
 * Writes the lines of one turn of the event loop together: a write that wakes the reader of a pipe costs more than the line. What is
 * waiting is also written when the process exits, after an uncaught error too; `kill -9` loses the lines of one turn.
 */
function oncePerTurn(destination: DestinationStream): DestinationStream {
  let waiting = '';
  const flush = (): void => {
    if (waiting === '') return;
    const lines = waiting;
    waiting = '';
    destination.write(lines);
  };
  process.once('exit', flush);
  return {
    write(line) {
      if (waiting === '') setImmediate(flush);
      waiting += line;
    },
  };
}

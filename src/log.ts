// The log of the process.
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const STDERR = 2;
const WARN = 40;
/** In characters, while stderr accepts nothing. What comes then is dropped. */
const UNWRITTEN_MAX = 16_000_000;

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
    : pino({ level }, oncePerTurn());
}

/**
 * Lines below `warn` wait for the end of the turn of the event loop, and are written together: a write costs more than the line if it
 * wakes the reader of a pipe. Waiting lines are also written on exit, including after an uncaught error. A process that ends
 * without an `exit` event (SIGKILL, out of memory, an unhandled signal) loses them.
 */
function oncePerTurn(): DestinationStream {
  const destination = pino.destination({ fd: STDERR, sync: true, maxLength: UNWRITTEN_MAX });
  // Nobody could catch it at the end of a turn, and a full disk under the log must not end the service.
  destination.on('error', () => undefined);
  let waiting = '';
  let isExiting = false;
  const flush = (): void => {
    if (waiting === '') return;
    const text = waiting;
    waiting = '';
    destination.write(text);
  };
  process.once('exit', () => {
    isExiting = true;
    flush();
  });
  const lines = {
    [pino.symbols.needsMetadataGsym]: true,
    /** Of the line that is written: pino sets it, because this object asks for metadata. */
    lastLevel: 0,
    write(line: string): void {
      if (waiting === '') setImmediate(flush);
      waiting += line;
      if (lines.lastLevel >= WARN || isExiting) flush();
    },
  };
  return lines;
}

// A process that is restarted whenever it ends, so that it can be killed at any moment, even while it starts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeProcess } from '../../src/local/process-info.ts';

const POLL_MS = 10;
/** The pause after an exit that was not a kill, which would probably happen again at once. */
const RESTART_MS = 200;

/** One process, from its start to its end. */
export interface Life {
  /** Undefined while there is no process. */
  readonly pid: () => Promise<number | undefined>;
  /** Resolves with the reason if it ended by itself; undefined if a signal ended it. */
  readonly ended: Promise<string | undefined>;
}

export class Victim {
  /** The reasons of exits without a kill. */
  readonly ownEnds: string[] = [];
  readonly #begin: () => Life;
  #life: Life | undefined;
  #isHeld = false;
  #isOver = false;
  #wasKilled = false;
  #running: Promise<void>;

  constructor(begin: () => Life) {
    this.#begin = begin;
    this.#running = this.#run();
  }

  /** @returns false if there is no process at the moment */
  async signal(signal: NodeJS.Signals): Promise<boolean> {
    const pid = await this.#life?.pid();
    if (pid === undefined) return false;
    this.#wasKilled ||= signal === 'SIGKILL';
    return sent(pid, signal);
  }

  /** Kills it and keeps it down. @returns a function that lets it start again */
  async hold(): Promise<() => void> {
    this.#isHeld = true;
    await this.#untilDown();
    return () => (this.#isHeld = false);
  }

  async stop(): Promise<void> {
    [this.#isHeld, this.#isOver] = [true, true];
    await this.#untilDown();
    await this.#running;
  }

  async #untilDown(): Promise<void> {
    while (this.#life) {
      await this.signal('SIGKILL');
      await sleep(POLL_MS);
    }
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      if (this.#isHeld) {
        await sleep(POLL_MS);
        continue;
      }
      this.#wasKilled = false;
      this.#life = this.#begin();
      const cause = await this.#life.ended;
      this.#life = undefined;
      if (cause === undefined || this.#wasKilled) continue;
      this.ownEnds.push(cause);
      await sleep(RESTART_MS);
    }
  }
}

/** The life of an engine. @param start resolves once it serves @param pidFile has its process id as soon as it runs */
export function engineLife(folder: string, pidFile: string, start: (onExit: () => void) => Promise<unknown>): Life {
  const ended = new Promise<string | undefined>((resolve) => {
    // Once it has served, only a signal ends it.
    start(() => resolve(undefined)).catch((error: unknown) => resolve(String(error)));
  });
  return { ended, pid: async () => recordedPid(folder, pidFile) };
}

/** The file may still name the previous process, whose id another program may have by now. */
async function recordedPid(folder: string, pidFile: string): Promise<number | undefined> {
  const text = await readFile(join(folder, pidFile), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  return (await describeProcess(pid))?.commandLine.includes(folder) ? pid : undefined;
}

function sent(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    // It has just ended.
    return false;
  }
}

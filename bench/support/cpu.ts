// CPU time of processes, user and system, all threads included. It is read from Linux's /proc, because Node does not
// provide the CPU time of another process; the unit is 10 ms, so measure over seconds.
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the same on all Linux machines, whatever the kernel's clock. */
const TICKS_PER_SECOND = 100;

/** @throws Error if the process has ended, or this is not Linux */
export function cpuSecondsOf(pid: number): number {
  return statOf(pid).ownSeconds;
}

/** Of a process and all its descendants, ended ones included. @throws like `cpuSecondsOf` */
export function cpuSecondsOfTree(pid: number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const { parent } = statOf(Number(name));
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended since it was listed.
    }
  }
  const secondsOf = (process: number): number => {
    const { ownSeconds, endedChildrenSeconds } = statOf(process);
    const living = (children.get(process) ?? []).map((child) => {
      try {
        return secondsOf(child);
      } catch {
        return 0;
      }
    });
    return ownSeconds + endedChildrenSeconds + sum(living);
  };
  return secondsOf(pid);
}

function statOf(pid: number): { parent: number; ownSeconds: number; endedChildrenSeconds: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field, the program's name in brackets, may contain blanks, so count from after it.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const seconds = (user: number, system: number): number =>
    ((fields[user] ?? NaN) + (fields[system] ?? NaN)) / TICKS_PER_SECOND;
  return { parent: fields[1] ?? NaN, ownSeconds: seconds(11, 12), endedChildrenSeconds: seconds(13, 14) };
}

export interface CpuUse {
  /** Wall-clock time. */
  readonly seconds: number;
  /** CPU seconds of each process. */
  readonly cpuSeconds: ReadonlyMap<string, number>;
}

/** Measures from its creation. */
export class CpuMeter {
  readonly #pids: Readonly<Record<string, number>>;
  readonly #secondsOf: (pid: number) => number;
  readonly #startedAt = performance.now();
  readonly #before: ReadonlyMap<string, number>;

  /** @param pids by name */
  constructor(pids: Readonly<Record<string, number>>, secondsOf = cpuSecondsOf) {
    this.#pids = pids;
    this.#secondsOf = secondsOf;
    this.#before = this.#now();
  }

  read(): CpuUse {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const cpuSeconds = [...this.#now()].map(([name, now]): [string, number] => [
      name,
      now - (this.#before.get(name) ?? NaN),
    ]);
    return { seconds, cpuSeconds: new Map(cpuSeconds) };
  }

  #now(): Map<string, number> {
    return new Map(Object.entries(this.#pids).map(([name, pid]) => [name, this.#secondsOf(pid)]));
  }
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

export const cpuTotal = ({ cpuSeconds }: CpuUse): number => sum(cpuSeconds.values());

/** `service 0.50 + nats-server 0.20 = 0.70 cores` */
export function inCores({ seconds, cpuSeconds }: CpuUse): string {
  const parts = [...cpuSeconds].map(([name, cpu]) => `${name} ${(cpu / seconds).toFixed(3)}`);
  return `${parts.join(' + ')} = ${(sum(cpuSeconds.values()) / seconds).toFixed(3)} cores`;
}

/** `service 25.0 + nats-server 10.0 = 35.0 us CPU a reading` */
export function perReading({ cpuSeconds }: CpuUse, readings: number): string {
  const micros = (cpu: number): string => ((cpu * 1e6) / readings).toFixed(1);
  const parts = [...cpuSeconds].map(([name, cpu]) => `${name} ${micros(cpu)}`);
  return `${parts.join(' + ')} = ${micros(sum(cpuSeconds.values()))} us CPU a reading`;
}

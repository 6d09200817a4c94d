// CPU time of processes, all their threads included, user and system. From Linux's /proc, because a process
// cannot ask Node for the CPU time of another one; its unit is 10 ms, so measure over seconds.
import { readFileSync } from 'node:fs';

/** USER_HZ: the same on all of Linux's machines, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100;

/** @throws Error when the process has ended, or this is not Linux */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the program's name in brackets, and may contain blanks: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  return (utime + stime) / TICKS_PER_SECOND;
}

export interface CpuUse {
  /** By the clock. */
  readonly seconds: number;
  /** Of each process, in seconds of one core. */
  readonly cpuSeconds: ReadonlyMap<string, number>;
}

/** Measures from when it is made. */
export class CpuMeter {
  readonly #pids: Readonly<Record<string, number>>;
  readonly #startedAt = performance.now();
  readonly #before: ReadonlyMap<string, number>;

  /** @param pids by the name that the figures have */
  constructor(pids: Readonly<Record<string, number>>) {
    this.#pids = pids;
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
    return new Map(Object.entries(this.#pids).map(([name, pid]) => [name, cpuSecondsOf(pid)]));
  }
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

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

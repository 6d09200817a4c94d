// Settings of benchmarks from the environment, and their output.
import { cpus, loadavg } from 'node:os';

export const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

export const numberFrom = (key: string, otherwise: number): number => Number(process.env[key] ?? otherwise);

export const machine = (): string =>
  `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, node ${process.version}, load ${(loadavg()[0] ?? NaN).toFixed(0)}`;

export const inMs = (value: number): string => `${value.toFixed(1)} ms`;

export const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export const grouped = (value: number): string => Math.round(value).toLocaleString('en');

// What processes use: memory, descriptors, connections, disk; and their priority. It is read from Linux's /proc, because Node provides this
// only for itself.
import { readdirSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';

const ESTABLISHED = '01';

/** @throws Error if the process has ended, or this is not Linux */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

export async function openDescriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** TCP connections that were accepted on a port of this machine, over IPv4. */
export async function connectionsTo(port: number): Promise<number> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n').slice(1);
  return rows.filter((row) => {
    const [, local = '', , state] = row.trim().split(/\s+/);
    return local.endsWith(suffix) && state === ESTABLISHED;
  }).length;
}

/** The disk space of a folder and its subfolders. Files that vanish meanwhile do not count. */
export async function diskBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return diskBytes(path);
      return stat(path).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      );
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The process id in a pid file of an engine's folder. */
export async function recordedPid(file: string): Promise<number> {
  return Number((await readFile(file, 'utf8')).split('\n')[0]);
}

/** Lowers the priority of a process. On Linux each thread has its own priority, and threads that it starts inherit it. */
export function makeNicer(pid: number, by: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`).map(Number))
    setPriority(thread, Math.min(19, getPriority(thread) + by));
}

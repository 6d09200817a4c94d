// A claim on a data folder, so that only one engine uses it at a time. It is recorded in a file in the folder.
//
// The engines do not protect their own files: two nats-servers start on the same JetStream store without an error,
// and a chDB folder must have only one process. So the folder is claimed before an engine starts.
//
// Invariants:
// - The claim file is created atomically (written under another name, then linked), and only one claimant gets it, also
//   if several find one that a killed process has left.
// - An engine whose owner is alive is never touched; a second start is refused. An engine whose owner was killed is
//   stopped first, if its command line still shows that it is the engine of this folder.

import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalEngineError, systemCode, writingTo } from './local-engine-error.ts';
import { describeProcess, endProcess } from './process-info.ts';

export interface DataDirClaimOptions {
  readonly dataDir: string;
  readonly pidFileName: string;
  /** A part of the engine's command line that identifies it. */
  readonly commandMark: string;
  /** For messages, such as 'nats-server'. */
  readonly title: string;
  /** How long an orphaned engine may take to stop before it is killed. */
  readonly stopGraceMs: number;
}

export interface DataDirClaim {
  recordChild(pid: number): Promise<void>;
  release(): Promise<void>;
}

interface Holder {
  readonly text: string;
  readonly childPid: number | undefined;
  readonly ownerPid: number;
  readonly ownerStartedAt: string;
}

const ATTEMPTS_MAX = 5;

/** Throws LocalEngineError: `in-use`, or `folder-unusable`. */
export async function claimDataDir(options: DataDirClaimOptions): Promise<DataDirClaim> {
  const file = join(options.dataDir, options.pidFileName);
  const nonce = randomUUID();
  const self = await describeProcess(process.pid);
  const textFor = (childPid: number | undefined): string =>
    `${childPid ?? ''}\n${process.pid}\n${self?.startedAt ?? ''}\n${nonce}\n`;

  return writingTo(options.dataDir, async () => {
    await mkdir(options.dataDir, { recursive: true });
    const own = textFor(undefined);
    const claimed: DataDirClaim = {
      recordChild: (pid) => replaceWhole(file, textFor(pid)),
      release: async () => {
        if ((await readHolder(file))?.text.includes(nonce) === true) await rm(file, { force: true });
      },
    };
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (await createWhole(file, own)) return claimed;
      const holder = await readHolder(file);
      if (holder === undefined) continue;
      await assertLeftover(holder, options);
      if (await replaceExactly(file, holder.text, own)) return claimed;
    }
    throw inUse(options, 'by other programs that are starting at the same time');
  });
}

/**
 * Stops the engine of a claimant that was killed.
 * @throws LocalEngineError if the claimant is alive, or the engine does not stop
 */
async function assertLeftover(holder: Holder, options: DataDirClaimOptions): Promise<void> {
  const isEngine = ({ commandLine }: { commandLine: string }): boolean => commandLine.includes(options.commandMark);
  const child = holder.childPid === undefined ? undefined : await describeProcess(holder.childPid);
  const childLives = child !== undefined && isEngine(child);

  // This process may restart its own engine that died, whose claim is still recorded.
  const isOwnDeadEngine = holder.ownerPid === process.pid && holder.childPid !== undefined && !childLives;
  if ((await hasLiveOwner(holder)) && !isOwnDeadEngine) {
    throw inUse(options, holder.ownerPid === process.pid ? 'by this process' : `by process ${holder.ownerPid}`);
  }
  if (
    childLives &&
    holder.childPid !== undefined &&
    !(await endProcess(holder.childPid, isEngine, options.stopGraceMs))
  ) {
    throw inUse(options, `by process ${holder.childPid}, which is left over from an earlier run and does not stop`);
  }
}

async function hasLiveOwner({ ownerPid, ownerStartedAt }: Holder): Promise<boolean> {
  return (await describeProcess(ownerPid))?.startedAt === ownerStartedAt;
}

/**
 * Replaces a file whose owner is dead, unless it no longer has that text. Only the process that has created the file
 * of its successor may do so: if two claimants have seen the same stale claim, the slower one must not replace the new
 * claim of the faster one. The successor's file of a claimant that was killed in between is replaced in the same way.
 */
async function replaceExactly(file: string, text: string, own: string): Promise<boolean> {
  const successor = `${file}.${createHash('sha256').update(text).digest('hex')}`;
  if (!(await createWhole(successor, own))) {
    const other = await readHolder(successor);
    if (other === undefined || (await hasLiveOwner(other)) || !(await replaceExactly(successor, other.text, own)))
      return false;
  }
  try {
    if ((await readHolder(file))?.text !== text) return false;
    await replaceWhole(file, own);
    return true;
  } finally {
    await rm(successor, { force: true });
  }
}

async function createWhole(file: string, text: string): Promise<boolean> {
  const aside = `${file}.${randomUUID()}`;
  await writeFile(aside, text);
  try {
    await link(aside, file);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function replaceWhole(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  await writeFile(aside, text);
  await rename(aside, file);
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    const [childPid = '', ownerPid = '', ownerStartedAt = ''] = text.split('\n');
    return {
      text,
      childPid: childPid === '' ? undefined : Number(childPid),
      ownerPid: Number(ownerPid),
      ownerStartedAt,
    };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function inUse(options: DataDirClaimOptions, by: string): LocalEngineError {
  return new LocalEngineError(
    'in-use',
    `The data folder ${options.dataDir} is in use ${by}: stop that process, or set DENSITY_DATA_DIR to another folder (${options.title}).`,
  );
}

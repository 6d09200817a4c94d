// Why an engine cannot run on this machine.
//
// Invariant: every message tells the user what to change (a variable, a folder or a command), because it is printed
// without a stack trace.

export type LocalEngineFault = 'port-taken' | 'folder-unusable' | 'in-use' | 'not-installed' | 'failed';

export class LocalEngineError extends Error {
  override readonly name = 'LocalEngineError';
  readonly fault: LocalEngineFault;

  constructor(fault: LocalEngineFault, sentence: string, options: { cause?: unknown } = {}) {
    super(sentence, options.cause === undefined ? {} : { cause: options.cause });
    this.fault = fault;
  }
}

export function portTaken(host: string, port: number, variable: string): LocalEngineError {
  return new LocalEngineError(
    'port-taken',
    `Port ${port} on ${host} is in use by another program: stop that program, or set ${variable} to a free port (0 picks one).`,
  );
}

export function folderUnusable(folder: string, reason: string, cause?: unknown): LocalEngineError {
  return new LocalEngineError(
    'folder-unusable',
    `Cannot write to ${folder} (${reason}): make it writable, or set DENSITY_DATA_DIR to a folder that is.`,
    { cause },
  );
}

const FOLDER_CODES = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC', 'EDQUOT', 'ENOENT']);

/** The code of a Node system error ('EACCES'), or empty. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** Runs a step that writes below `folder`, and converts errors of the file system to `folderUnusable`. */
export async function writingTo<T>(folder: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const code = systemCode(error);
    if (FOLDER_CODES.has(code)) throw folderUnusable(folder, code, error);
    throw error;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

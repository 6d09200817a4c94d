// `density token`: creates a bearer token and adds its hash to the token file.
import { Command, InvalidArgumentError } from 'commander';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import { SCOPES, type Scope } from '../http/auth/scope.ts';
import { instant } from './topology-commands.ts';

interface TokenOptions {
  readonly scope: Scope[];
  readonly file?: string;
  readonly expires?: string;
  readonly json?: boolean;
}

export function tokenCommand(
  readConfig: ReadConfig,
  printLine: PrintLine,
  warn: PrintLine,
  finish: (code: number) => void,
): Command {
  return new Command('token')
    .description('create a bearer token; it is printed once, and only its hash is stored')
    .argument('<name>', 'name of the token, for the log')
    .requiredOption('--scope <scopes>', `scopes of the token, separated by commas: ${SCOPES.join(', ')}`, scopes)
    .option('--file <path>', 'token file; default: AUTH_TOKENS_FILE')
    .option('--expires <instant>', 'when the token expires; default: never', instant)
    .option('--json', 'print JSON')
    .action(async (name: string, options: TokenOptions) => {
      const path = options.file ?? (await readConfig()).AUTH_TOKENS_FILE;
      if (path === undefined) throw new Error('no token file: use --file, or set AUTH_TOKENS_FILE');
      const { addToken } = await import('../http/auth/auth-tokens.ts');
      const token = await addToken(path, name, options.scope, options.expires);
      printLine(options.json ? JSON.stringify({ name, token, scopes: options.scope, file: path }) : token);
      if (!options.json) warn(`its hash is in ${path}; store the token, it cannot be shown again`);
      finish(0);
    });
}

function scopes(text: string): Scope[] {
  const given = text.split(',').map((scope) => scope.trim());
  const unknown = given.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`there is no scope ${unknown}; the scopes are ${SCOPES.join(', ')}.`);
  return given as Scope[];
}

// `density nats`: the accounts of a NATS server and the credentials of its users.
import { Command, InvalidArgumentError } from 'commander';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';

export function natsCommand(readConfig: ReadConfig, printLine: PrintLine): Command {
  const nats = new Command('nats').description('accounts and credentials of a NATS server (docs/operations.md)');
  const keys = ['--keys <folder>', 'folder with the secret keys', 'nats-keys'] as const;
  nats
    .command('init')
    .description(
      'create new keys, accounts.conf for the servers, and the credentials of the service, the administrator and the system',
    )
    .option(...keys)
    .action(async (options: { keys: string }) => {
      const { createKeys } = await import('./nats-keys.ts');
      await createKeys(options.keys, printLine);
    });
  nats
    .command('dpu')
    .description('print the credentials of one DPU: a .creds file, or the MQTT password')
    .argument('<id>', 'id of the DPU')
    .option('--mqtt', 'print the MQTT password')
    .option('--days <number>', 'days until they expire; default: valid until revoked', days)
    .option(...keys)
    .action(async (id: string, options: { keys: string; mqtt?: boolean; days?: number }) => {
      const { issueCredentials } = await import('./nats-keys.ts');
      printLine(await issueCredentials(id, options));
    });
  nats
    .command('revoke')
    .description('revoke the credentials of a DPU on the servers at NATS_URL, and close its connections')
    .argument('<file>', 'file with the credentials')
    .option(...keys)
    .action(async (file: string, options: { keys: string }) => {
      const { revokeCredentials } = await import('./nats-keys.ts');
      await revokeCredentials(file, options.keys, await readConfig(), printLine);
    });
  nats
    .command('update')
    .description(
      'after an upgrade: rewrite accounts.conf with the permissions of this version, and push them to the servers at NATS_URL',
    )
    .option(...keys)
    .action(async (options: { keys: string }) => {
      const { updateAccounts } = await import('./nats-keys.ts');
      await updateAccounts(options.keys, await readConfig(), printLine);
    });
  return nats;
}

function days(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('must be a whole number of days, at least 1.');
  return number;
}

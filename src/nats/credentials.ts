// Issues credentials: an operator, its accounts, and their users, as signed JWTs that any nats-server
// with the operator's public half believes. A DPU more is a file more, and no change to a server.
//
// Two accounts. DPUs live in DEVICES, the service and its streams in DENSITY, and the only way across is
// the two subjects DENSITY offers; DEVICES offers what MQTT has acknowledged, to be looked for in READINGS. In one account, a DPU that is held to its own subjects could still
// name any other as the place for the answer, and the stream's acknowledgement would be stored there.
import {
  createAccount,
  createOperator,
  createUser,
  decode,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromSeed,
  newScopedSigner,
  type Account,
  type Import,
  type Export,
  type KeyPair,
  type SigningKey,
  type User,
} from '@nats-io/jwt';
import { isDpuId, DPU_ID_RULE } from '../domain/ids.ts';
import {
  ADMIN_PERMISSIONS,
  DPU_PERMISSIONS,
  DPU_SUBJECTS,
  MQTT_DPU_PERMISSIONS,
  MQTT_SUBJECTS,
  SERVICE_PERMISSIONS,
  type Permissions,
} from './permissions.ts';

const KEYS = ['operator', 'system', 'density', 'service', 'admin', 'devices', 'dpu', 'mqtt-dpu'] as const;
type KeyName = (typeof KEYS)[number];

/** The secret halves. `service`, `admin`, `dpu` and `mqtt-dpu` can each issue users of that role, and no others. */
export type Keyring = Readonly<Record<KeyName, KeyPair>>;

/** A message from a DPU may be an array of some thousand readings. */
const DPU_LIMITS = { payload: 1024 * 1024, subs: 5 };
/** MQTT keeps its sessions in JetStream, and messages until the service has seen them in READINGS; this is all that devices may use of the disk. */
const DEVICES_STORAGE_BYTES = 1024 * 1024 * 1024;
const UNLIMITED = {
  subs: -1,
  conn: -1,
  leaf: -1,
  imports: -1,
  exports: -1,
  data: -1,
  payload: -1,
  wildcards: true,
  disallow_bearer: false,
};
const ALL_OF_JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

export function createKeyring(): Keyring {
  return {
    operator: createOperator(),
    system: createAccount(),
    density: createAccount(),
    service: createAccount(),
    admin: createAccount(),
    devices: createAccount(),
    dpu: createAccount(),
    'mqtt-dpu': createAccount(),
  };
}

/** @throws Error that names the key */
export function keyringOf(seeds: Readonly<Record<string, string>>): Keyring {
  const keys = KEYS.map((name) => {
    const seed = seeds[name];
    if (seed === undefined) throw new Error(`the keyring has no key "${name}"`);
    return [name, fromSeed(new TextEncoder().encode(seed.trim()))];
  });
  return Object.fromEntries(keys) as Keyring;
}

export function seedsOf(keyring: Keyring): Record<KeyName, string> {
  return Object.fromEntries(KEYS.map((name) => [name, new TextDecoder().decode(keyring[name].getSeed())])) as Record<
    KeyName,
    string
  >;
}

/** Public keys of DPU users, with the second up to which what was issued to them is void. */
export type Revocations = Readonly<Record<string, number>>;

/** The part of nats-server.conf that says whom to believe. Holds no secret. */
export async function accountsConfiguration(keyring: Keyring, revoked: Revocations = {}): Promise<string> {
  const { operator, system, density, devices } = keyring;
  const preloaded = [
    [system, await encodeAccount('SYS', system, { limits: UNLIMITED }, { signer: operator })],
    [density, await densityToken(keyring)],
    [devices, await devicesToken(keyring, revoked)],
  ] as const;
  return [
    '# Written by `density nats`; holds no secret. SYS, DENSITY, DEVICES.',
    `operator: ${await encodeOperator('density', operator, { system_account: system.getPublicKey() })}`,
    `system_account: ${system.getPublicKey()}`,
    // Beside what is written here, what was pushed since: a revocation takes effect with no restart.
    'resolver { type: full, dir: $NATS_ACCOUNTS_DIR, allow_delete: false }',
    'resolver_preload {',
    ...preloaded.map(([account, jwt]) => `  ${account.getPublicKey()}: ${jwt}`),
    '}',
    '',
  ].join('\n');
}

/** The account of the DPUs, to be pushed to the servers by the system user. */
export async function devicesToken(keyring: Keyring, revoked: Revocations): Promise<string> {
  return encodeAccount('DEVICES', keyring.devices, devicesAccount(keyring, revoked), { signer: keyring.operator });
}

/** The account of the service and its streams. */
export async function densityToken(keyring: Keyring): Promise<string> {
  return encodeAccount('DENSITY', keyring.density, densityAccount(keyring), { signer: keyring.operator });
}

/** Whose credentials these are, as revocations name it. @throws Error for what is no token and no credentials file */
export function publicKeyOf(credentialsOrToken: string): string {
  const token = /^-+BEGIN NATS USER JWT-+\s+(\S+)/m.exec(credentialsOrToken)?.[1] ?? credentialsOrToken.trim();
  try {
    return decode<User>(token).sub;
  } catch (error) {
    throw new Error('these are no credentials: neither a .creds file nor a token', { cause: error });
  }
}

/** A user of the service's account: `service` is what processes use, `admin` is for people. */
export async function serviceCredentials(keyring: Keyring, role: 'service' | 'admin'): Promise<string> {
  const user = createUser();
  return credentialsFile(await scopedToken(keyring.density, keyring[role], role, user), user);
}

/** Sees the servers' own state. For monitoring and for people. */
export async function systemCredentials(keyring: Keyring): Promise<string> {
  const user = createUser();
  return credentialsFile(
    await encodeUser('system', user, keyring.system, { allowed_connection_types: ['STANDARD'] }),
    user,
  );
}

/** What a DPU that speaks NATS logs in with. @throws Error for an id that is none */
export async function dpuCredentials(keyring: Keyring, dpuId: string, expiresSeconds?: number): Promise<string> {
  const user = createUser();
  return credentialsFile(await dpuToken(keyring, 'dpu', dpuId, user, expiresSeconds), user);
}

/** What a DPU that speaks MQTT sends as its password; the user name does not matter. @throws Error for an id that is none */
export async function mqttDpuToken(keyring: Keyring, dpuId: string, expiresSeconds?: number): Promise<string> {
  return dpuToken(keyring, 'mqtt-dpu', dpuId, createUser(), expiresSeconds);
}

async function dpuToken(
  keyring: Keyring,
  role: 'dpu' | 'mqtt-dpu',
  dpuId: string,
  user: KeyPair,
  expiresSeconds?: number,
): Promise<string> {
  // The name becomes a token of subjects: anything else in it would be another permission.
  if (!isDpuId(dpuId)) throw new Error(`the DPU's id must be ${DPU_ID_RULE}`);
  return scopedToken(keyring.devices, keyring[role], dpuId, user, expiresSeconds);
}

/** Carries no rights itself: the account says what the signing key may grant. So it stays short, and rights can change later. */
async function scopedToken(
  account: KeyPair,
  signer: KeyPair,
  name: string,
  user: KeyPair,
  expiresSeconds?: number,
): Promise<string> {
  const options = { signer, scopedUser: true, ...(expiresSeconds === undefined ? {} : { exp: expiresSeconds }) };
  return encodeUser(name, user, account, { issuer_account: account.getPublicKey() }, options);
}

function credentialsFile(token: string, user: KeyPair): string {
  return new TextDecoder().decode(fmtCreds(token, user));
}

function densityAccount({ service, admin, devices }: Keyring): Partial<Account> {
  const exports: Export[] = DPU_SUBJECTS.map((subject) => ({ name: subject, subject, type: 'service' }));
  const imports: Import[] = MQTT_SUBJECTS.map(({ theirs, ours }) => ({
    name: theirs,
    subject: theirs,
    local_subject: ours,
    type: 'service',
    account: devices.getPublicKey(),
  }));
  return {
    exports,
    imports,
    limits: { ...UNLIMITED, ...ALL_OF_JETSTREAM },
    signing_keys: [
      scope(service, 'service', { ...grant(SERVICE_PERMISSIONS), allowed_connection_types: ['STANDARD'] }),
      scope(admin, 'admin', { ...grant(ADMIN_PERMISSIONS), allowed_connection_types: ['STANDARD'] }),
    ],
  };
}

function devicesAccount({ density, dpu, 'mqtt-dpu': mqttDpu }: Keyring, revoked: Revocations): Partial<Account> {
  const imports: Import[] = DPU_SUBJECTS.map((subject) => ({
    name: subject,
    subject,
    type: 'service',
    account: density.getPublicKey(),
  }));
  // Asked for messages, the stream answers with several.
  const exports: Export[] = MQTT_SUBJECTS.map(({ theirs }) => ({
    name: theirs,
    subject: theirs,
    type: 'service',
    response_type: 'Stream',
  }));
  return {
    imports,
    exports,
    limits: { ...UNLIMITED, mem_storage: 0, disk_storage: DEVICES_STORAGE_BYTES, streams: -1, consumer: -1 },
    signing_keys: [
      scope(dpu, 'dpu', { ...grant(DPU_PERMISSIONS), ...DPU_LIMITS, allowed_connection_types: ['STANDARD'] }),
      scope(mqttDpu, 'mqtt-dpu', {
        ...grant(MQTT_DPU_PERMISSIONS),
        ...DPU_LIMITS,
        bearer_token: true,
        allowed_connection_types: ['MQTT'],
      }),
    ],
    revocations: revoked,
  };
}

function scope(signer: KeyPair, role: string, template: Partial<User>): SigningKey {
  return newScopedSigner(signer, role, template);
}

/** An empty list would allow everything. */
function grant({ publish, subscribe }: Permissions): Pick<User, 'pub' | 'sub'> {
  return {
    pub: publish.length > 0 ? { allow: [...publish] } : { deny: ['>'] },
    sub: subscribe.length > 0 ? { allow: [...subscribe] } : { deny: ['>'] },
  };
}

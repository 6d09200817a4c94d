// Issues credentials: an operator, its accounts, and their users, as signed JWTs. Any nats-server that has the
// operator's public key accepts them, so adding a DPU only means writing a file, without changes to a server.
//
// DPUs are users of the account DEVICES; the service and its streams are in DENSITY. The accounts are connected only
// by the subjects that DENSITY exports for readings and heartbeats, and by the MQTT stream that DEVICES exports so
// that acknowledged messages can be looked up in READINGS. Within a single account, a DPU that is restricted to its
// own subjects could still name any other subject as the reply subject of a message, and the stream's acknowledgement
// would be published there.
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
import { DPU_ID_RULE, isDpuId, tokenOfDpu } from '../domain/ids.ts';
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

/** The private keys. `service`, `admin`, `dpu` and `mqtt-dpu` are signing keys, each for users of that role only. */
export type Keyring = Readonly<Record<KeyName, KeyPair>>;

/** A message from a DPU may be an array of several thousand readings. */
const DPU_LIMITS = { payload: 1024 * 1024, subs: 5 };
/** Disk for devices: MQTT sessions, and MQTT messages until the service has found them in READINGS. */
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

/**
 * @throws Error naming the first missing key
 */
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

/** By the public key of a DPU user: credentials issued up to this time, in seconds since 1970, are void. */
export type Revocations = Readonly<Record<string, number>>;

/** The part of nats-server.conf that defines the operator and accounts. Contains no secrets. */
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
    // Accounts that are pushed later override these preloaded ones, so a revocation takes effect without a restart.
    'resolver { type: full, dir: $NATS_ACCOUNTS_DIR, allow_delete: false }',
    'resolver_preload {',
    ...preloaded.map(([account, jwt]) => `  ${account.getPublicKey()}: ${jwt}`),
    '}',
    '',
  ].join('\n');
}

/** The JWT of the DPUs' account, to be pushed to the servers by the system user. */
export async function devicesToken(keyring: Keyring, revoked: Revocations): Promise<string> {
  return encodeAccount('DEVICES', keyring.devices, devicesAccount(keyring, revoked), { signer: keyring.operator });
}

/** The JWT of the service's account. */
export async function densityToken(keyring: Keyring): Promise<string> {
  return encodeAccount('DENSITY', keyring.density, densityAccount(keyring), { signer: keyring.operator });
}

/**
 * The public key of the user to whom credentials were issued.
 * @throws Error for anything but a token or a credentials file
 */
export function publicKeyOf(credentialsOrToken: string): string {
  const token = /^-+BEGIN NATS USER JWT-+\s+(\S+)/m.exec(credentialsOrToken)?.[1] ?? credentialsOrToken.trim();
  try {
    return decode<User>(token).sub;
  } catch (error) {
    throw new Error('not valid credentials: neither a .creds file nor a token', { cause: error });
  }
}

/** A user of the service's account: `service` for processes, `admin` for people. */
export async function serviceCredentials(keyring: Keyring, role: 'service' | 'admin'): Promise<string> {
  const user = createUser();
  return credentialsFile(await scopedToken(keyring.density, keyring[role], role, user), user);
}

/** A user of the system account, which shows the servers' own state. For monitoring and operators. */
export async function systemCredentials(keyring: Keyring): Promise<string> {
  const user = createUser();
  return credentialsFile(
    await encodeUser('system', user, keyring.system, { allowed_connection_types: ['STANDARD'] }),
    user,
  );
}

/** The `.creds` file of a DPU that connects with NATS. @throws Error for an invalid id */
export async function dpuCredentials(keyring: Keyring, dpuId: string, expiresSeconds?: number): Promise<string> {
  const user = createUser();
  return credentialsFile(await dpuToken(keyring, 'dpu', dpuId, user, expiresSeconds), user);
}

/** The password of a DPU that connects with MQTT; the user name is ignored. @throws Error for an invalid id */
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
  if (!isDpuId(dpuId)) throw new Error(`the DPU's id must be ${DPU_ID_RULE}`);
  // The name becomes a token of the permitted subjects: a wildcard or a dot in it would grant more.
  return scopedToken(keyring.devices, keyring[role], tokenOfDpu(dpuId), user, expiresSeconds);
}

/**
 * A token without permissions of its own: they come from the signing key's scope in the account, so they can be
 * changed later.
 */
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
  // A request for messages gets several replies.
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

/** An empty list means "no restriction" to the server, so a role that may do nothing is denied everything. */
function grant({ publish, subscribe }: Permissions): Pick<User, 'pub' | 'sub'> {
  return {
    pub: publish.length > 0 ? { allow: [...publish] } : { deny: ['>'] },
    sub: subscribe.length > 0 ? { allow: [...subscribe] } : { deny: ['>'] },
  };
}

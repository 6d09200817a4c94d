// The secrets of devices. A device's secret authorises sending payloads of that device, and nothing else.
//
// People choose secrets, and devices have short fields for them, so a secret is stored as a salted, slow hash. Comparing
// one takes a few milliseconds in a thread of its own, so wrong ones are limited before they are compared
// (wrong-secrets.ts). Each process compares the right secret once that way, and with a single round of SHA-256 from then on;
// no limit stops it then.
//
// How long a refusal takes does not reveal whether a device exists or has a secret: one hash is computed for each device
// that the request could mean. Beyond the limit of an address, where that would be too much work, all refusals take the same time.
import { createHash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { Failure } from '../../domain/failure.ts';
import { isDpuId, type DpuId } from '../../domain/ids.ts';
import type { Device, DeviceSecret } from '../../domain/topology.ts';
import { Slots } from '../../runtime/slots.ts';
import { MACHINE_TIMING, NEVER, type Timing } from '../../runtime/timing.ts';
import { tooMany } from '../problem.ts';
import type { Principal } from './principal.ts';
import { randomText } from './random-text.ts';
import { WrongSecrets } from './wrong-secrets.ts';

const COST: ScryptOptions = { N: 1024, r: 8, p: 1 };
const [SALT_BYTES, HASH_BYTES] = [16, 32];
/** A device's id may have colons, and basic authentication separates the user name from the password by the first one. */
const CLAIMS_MAX = 8;
/** Comparisons at once, and those that may wait. Bounds the threads and the memory that clients can occupy. */
const [COMPARED_AT_ONCE, WAITING_MAX] = [1, 64];
/** Longer than a comparison takes, including the wait for others. */
const REFUSAL_MS = 1_000;
const TOO_MANY = 'too many wrong secrets: wait before you send another one';

export type FindDevice = (id: DpuId) => Device | undefined;
export type SlowHash = (secret: string, salt: Buffer) => Promise<Buffer>;

/** The secret as it is stored. */
export async function hashedSecret(secret: string): Promise<DeviceSecret> {
  const salt = randomBytes(SALT_BYTES);
  return { salt: salt.toString('base64url'), hash: (await slowHash(secret, salt)).toString('base64url') };
}

/** What a request has to show. */
export interface DeviceCredentials {
  /** The client's. */
  readonly address: string;
  /** A bearer token. */
  readonly token?: string;
  /** `user:password` of HTTP basic authentication. */
  readonly basic?: string;
  /** The device that the URL names. */
  readonly device?: string;
}

/** A device that the request may come from, and the secret that it would then be showing. */
interface Claim {
  readonly id: DpuId;
  /** Undefined if there is no such device, or if it has none. */
  readonly secret: DeviceSecret | undefined;
  readonly given: string;
}

export class DeviceSecrets {
  readonly #find: FindDevice;
  readonly #hash: SlowHash;
  readonly #timing: Pick<Timing, 'now' | 'pause'>;
  readonly #slots = new Slots(COMPARED_AT_ONCE, WAITING_MAX);
  readonly #wrong = new WrongSecrets();
  /** A fast hash of the secret that was found to be right. */
  readonly #known = new WeakMap<DeviceSecret, Buffer>();
  /** Stands in for a missing secret. Nothing hashes to it. */
  readonly #nobody: DeviceSecret = { salt: randomText(SALT_BYTES), hash: randomText(HASH_BYTES) };
  /** Equal requests at the same time are one: a device may send many when it first connects. */
  readonly #asked = new Map<string, Promise<Principal | undefined>>();

  constructor(
    find: FindDevice,
    { hash = slowHash, timing = MACHINE_TIMING }: { hash?: SlowHash; timing?: Pick<Timing, 'now' | 'pause'> } = {},
  ) {
    this.#find = find;
    this.#hash = hash;
    this.#timing = timing;
  }

  /**
   * @returns undefined if they belong to no device
   * @throws HttpProblem 429 after too many wrong ones, Failure unavailable if too many are being compared
   */
  async verify(credentials: DeviceCredentials): Promise<Principal | undefined> {
    const claims = this.#claims(credentials);
    if (claims.length === 0) return undefined;
    const known = claims.find(({ secret, given }) => secret && this.#isKnown(secret, given));
    if (known) return principalOf(known);
    if (this.#slots.isFull) throw busy();
    const key = createHash('sha256').update(JSON.stringify(credentials)).digest('base64');
    let asked = this.#asked.get(key);
    if (!asked) {
      asked = this.#compareAll(claims, credentials.address).finally(() => this.#asked.delete(key));
      this.#asked.set(key, asked);
    }
    return asked;
  }

  async #compareAll(claims: readonly Claim[], address: string): Promise<Principal | undefined> {
    const refuseAtMs = this.#timing.now() + REFUSAL_MS;
    const beyondMs = await this.#wrong.countRequest(address);
    let [compared, waitMs] = [0, beyondMs];
    for (const claim of claims) {
      const { id, secret } = claim;
      if (beyondMs > 0 && (!secret || this.#slots.isFull)) continue;
      const refusedMs = await this.#wrong.countSecret(address, id, beyondMs > 0);
      waitMs = Math.max(waitMs, refusedMs);
      if (refusedMs > 0) continue;
      if (this.#slots.isFull) throw busy();
      compared += 1;
      if (!(await this.#isRight(claim))) continue;
      await this.#wrong.forgive(address, id);
      return principalOf(claim);
    }
    if (beyondMs > 0) await this.#timing.pause(refuseAtMs - this.#timing.now(), NEVER);
    if (beyondMs > 0 || compared === 0) throw tooMany(TOO_MANY, waitMs);
    return undefined;
  }

  /** Devices with a secret first, so that these are among the first few. */
  #claims(credentials: DeviceCredentials): Claim[] {
    const claims = [...named(credentials)].flatMap(({ name, given }): Claim[] => {
      if (!isDpuId(name)) return [];
      const device = this.#find(name);
      return [{ id: name, given, secret: device?.deleted === false ? device.secret : undefined }];
    });
    const hasNone = ({ secret }: Claim): number => (secret ? 0 : 1);
    return claims.sort((a, b) => hasNone(a) - hasNone(b)).slice(0, CLAIMS_MAX);
  }

  #isKnown(secret: DeviceSecret, given: string): boolean {
    const known = this.#known.get(secret);
    return known !== undefined && timingSafeEqual(known, quickHash(secret, given));
  }

  async #isRight({ secret, given }: Claim): Promise<boolean> {
    const { salt, hash } = secret ?? this.#nobody;
    const computed = await this.#slots.run(() => this.#hash(given, Buffer.from(salt, 'base64url')));
    const isRight = timingSafeEqual(Buffer.from(hash, 'base64url'), computed);
    if (!isRight || !secret) return false;
    this.#known.set(secret, quickHash(secret, given));
    return true;
  }
}

/** The names that may be a device's: the one in the URL, and each possible user name. */
function* named({ token, basic, device }: DeviceCredentials): Generator<{
  readonly name: string | undefined;
  readonly given: string;
}> {
  if (token !== undefined) yield { name: device, given: token };
  if (basic === undefined) return;
  const first = basic.indexOf(':');
  if (!basic.startsWith(`${device}:`)) yield { name: device, given: basic.slice(first + 1) };
  for (let at = first; at >= 0; at = basic.indexOf(':', at + 1))
    yield { name: basic.slice(0, at), given: basic.slice(at + 1) };
}

function busy(): Failure {
  return new Failure('unavailable', 'too many secrets are being compared at the moment', { retryAfterSeconds: 1 });
}

function principalOf({ id }: Claim): Principal {
  return { name: `device:${id}`, scopes: [], expiresAtMs: undefined, device: id };
}

function quickHash({ salt }: DeviceSecret, given: string): Buffer {
  return createHash('sha256').update(Buffer.from(salt, 'base64url')).update(given).digest();
}

async function slowHash(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, COST, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}

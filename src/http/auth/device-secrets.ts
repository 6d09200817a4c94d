// The secrets of devices. A device's secret authorises sending payloads of that device, and nothing else.
//
// People choose secrets, and devices have short fields for them, so a secret is stored as a salted, slow hash. Checking a
// wrong secret takes a few milliseconds in a thread of its own, which is why the hash is no slower. Each process checks the
// right secret once that way, and with a single round of SHA-256 from then on.
import { createHash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { Failure } from '../../domain/failure.ts';
import { isDpuId, type DpuId } from '../../domain/ids.ts';
import type { Device, DeviceSecret } from '../../domain/topology.ts';
import { Slots } from '../../runtime/slots.ts';
import type { Principal } from './principal.ts';

const COST: ScryptOptions = { N: 1024, r: 8, p: 1 };
const [SALT_BYTES, HASH_BYTES] = [16, 32];
/** A device's id may have colons, and basic authentication separates the user name from the password by the first one. */
const CANDIDATES_MAX = 8;

/** Bounds the threads and the memory that a client can occupy with wrong secrets. */
const HASHING = new Slots(1, 64);

export type FindDevice = (id: DpuId) => Device | undefined;

/** The secret as it is stored. */
export async function hashedSecret(secret: string): Promise<DeviceSecret> {
  const salt = randomBytes(SALT_BYTES);
  return { salt: salt.toString('base64url'), hash: (await slowHash(secret, salt)).toString('base64url') };
}

/** What a request has to show. */
export interface DeviceCredentials {
  /** A bearer token. */
  readonly token?: string;
  /** `user:password` of HTTP basic authentication. */
  readonly basic?: string;
  /** The device that the URL names. */
  readonly device?: string;
}

export class DeviceSecrets {
  readonly #find: FindDevice;
  /** A fast hash of the secret that was found to be right. */
  readonly #known = new WeakMap<DeviceSecret, Buffer>();
  /** Compared with when the device has no secret, so that the time of the answer does not reveal that. */
  readonly #nobody = hashedSecret(randomBytes(HASH_BYTES).toString('base64url'));

  constructor(find: FindDevice) {
    this.#find = find;
  }

  /** @returns undefined if they are of no device */
  async verify(credentials: DeviceCredentials): Promise<Principal | undefined> {
    const candidates = [...this.#candidates(credentials)].slice(0, CANDIDATES_MAX);
    for (const { device, secret, given } of candidates)
      if (await this.#isRight(secret, given))
        return { name: `device:${device}`, scopes: [], expiresAtMs: undefined, device };
    if (candidates.length === 0) await this.#isRight(await this.#nobody, credentials.token ?? credentials.basic ?? '');
    return undefined;
  }

  /** The device is that of the URL, or the user name. */
  *#candidates({ token, basic, device }: DeviceCredentials): Generator<Candidate> {
    if (token !== undefined) yield* this.#candidate(device, token);
    if (basic === undefined) return;
    const first = basic.indexOf(':');
    if (!basic.startsWith(`${device}:`)) yield* this.#candidate(device, basic.slice(first + 1));
    for (let at = first; at >= 0; at = basic.indexOf(':', at + 1))
      yield* this.#candidate(basic.slice(0, at), basic.slice(at + 1));
  }

  *#candidate(id: string | undefined, given: string): Generator<Candidate> {
    const device = isDpuId(id) ? this.#find(id) : undefined;
    if (device?.secret && !device.deleted) yield { device: device.id, secret: device.secret, given };
  }

  async #isRight(secret: DeviceSecret, given: string): Promise<boolean> {
    const [salt, hash] = [Buffer.from(secret.salt, 'base64url'), Buffer.from(secret.hash, 'base64url')];
    const quick = createHash('sha256').update(salt).update(given).digest();
    const known = this.#known.get(secret);
    if (known && timingSafeEqual(known, quick)) return true;
    if (HASHING.isFull)
      throw new Failure('unavailable', 'too many secrets are being compared at the moment', { retryAfterSeconds: 1 });
    const isRight = timingSafeEqual(hash, await HASHING.run(async () => slowHash(given, salt)));
    if (isRight) this.#known.set(secret, quick);
    return isRight;
  }
}

interface Candidate {
  readonly device: DpuId;
  readonly secret: DeviceSecret;
  readonly given: string;
}

async function slowHash(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, COST, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}

// Public displays, such as a screen at an entrance. A display shows a short code; a person who may change the topology confirms it;
// from then on the display's secret, which its browser keeps as a cookie, reads the count of its one space (docs/adr/0100).
//
// The secret is made before the code is confirmed, so that it crosses the network once, and the code itself opens nothing.
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { Failure } from '../../domain/failure.ts';
import type { SpaceId } from '../../domain/ids.ts';
import type { DisplayStore, PairedDisplay, PendingDisplay } from '../../ports/displays.ts';
import type { Principal } from './principal.ts';
import { randomText } from './random-text.ts';

/** Consonants: they form no words, and none looks like a digit (RFC 8628, section 6.1). */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const CODE_LENGTH = 6;
export const PENDING_MS = 10 * 60_000;
/** Codes that nobody has confirmed yet. */
export const PENDING_MAX = 100;
export const DISPLAYS_MAX = 1_000;
const [ID_BYTES, SECRET_BYTES] = [12, 32];
const CREDENTIAL = /^([\w-]{16})\.([\w-]{43})$/;

/** What the browser of a display keeps. Nobody else has it. */
export type DisplayCredential = string;

export interface NewPairing {
  readonly credential: DisplayCredential;
  readonly pending: PendingDisplay;
}

export class Displays {
  readonly #store: () => DisplayStore;
  readonly #now: () => number;

  /** @param store known once the service has started */
  constructor(store: () => DisplayStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** @returns the display with this credential, if it is paired with the space */
  async verify(credential: DisplayCredential | undefined, spaceId: SpaceId): Promise<Principal | undefined> {
    const [id, secret] = partsOf(credential);
    const display = id === undefined ? undefined : await this.#store().paired(id);
    if (!display || secret === undefined || display.spaceId !== spaceId || !isSecretOf(display, secret))
      return undefined;
    return { name: `display:${display.id}`, scopes: [], expiresAtMs: undefined, display: display.spaceId };
  }

  /** @returns the pairing that this credential waits for; undefined if it waits for none */
  async pending(credential: DisplayCredential | undefined, spaceId: SpaceId): Promise<PendingDisplay | undefined> {
    const [id, secret] = partsOf(credential);
    const pending = id === undefined ? undefined : await this.#store().pending(id);
    const isOwn = pending && secret !== undefined && isSecretOf(pending, secret);
    return isOwn && pending.spaceId === spaceId && !this.#isExpired(pending) ? pending : undefined;
  }

  /** @throws Failure unavailable if too many codes are waiting */
  async begin(spaceId: SpaceId): Promise<NewPairing> {
    const waiting = (await this.#store().allPending()).filter((each) => !this.#isExpired(each));
    if (waiting.length >= PENDING_MAX)
      throw new Failure('unavailable', 'too many displays are waiting for a person to confirm them', {
        retryAfterSeconds: 60,
      });
    const taken = new Set(waiting.map(({ code }) => code));
    let code = newCode();
    while (taken.has(code)) code = newCode();
    const [id, secret] = [randomText(ID_BYTES), randomText(SECRET_BYTES)];
    const expiresMs = this.#now() + PENDING_MS;
    const pending: PendingDisplay = { id, spaceId, secretHash: hashOf(secret), code, expiresMs };
    await this.#store().addPending(pending, PENDING_MS);
    return { credential: `${id}.${secret}`, pending };
  }

  /** @returns the display that shows this code; undefined if none does, or none does any longer */
  async find(code: string): Promise<PendingDisplay | undefined> {
    const [found, other] = (await this.#store().allPending()).filter(
      (each) => each.code === code && !this.#isExpired(each),
    );
    // Two processes may have drawn the same code at the same moment; then it names neither display.
    return other ? undefined : found;
  }

  /** @throws Failure conflict if there are too many displays */
  async confirm(
    { id, spaceId, secretHash }: PendingDisplay,
    name: string | null,
    pairedBy: string | null,
  ): Promise<PairedDisplay> {
    if ((await this.#store().allPaired()).length >= DISPLAYS_MAX)
      throw new Failure('conflict', `there are ${DISPLAYS_MAX} displays already: remove some that are not used`);
    const display: PairedDisplay = { id, spaceId, secretHash, name, pairedMs: this.#now(), pairedBy };
    const isFirst = await this.#store().pair(display);
    await this.#store().removePending(id);
    // If two people confirm it at the same moment, both get the display with the name that the first one gave it.
    return isFirst ? display : ((await this.#store().paired(id)) ?? display);
  }

  async list(): Promise<PairedDisplay[]> {
    return this.#store().allPaired();
  }

  /** @throws Failure not_found */
  async remove(id: string): Promise<void> {
    if (!(await this.#store().paired(id))) throw new Failure('not_found', `there is no display ${id}`);
    await this.#store().unpair(id);
  }

  /** Checked here, because the server may remove an expired code somewhat later. */
  #isExpired({ expiresMs }: PendingDisplay): boolean {
    return expiresMs <= this.#now();
  }
}

/** As people may type it: in lower case, with spaces or a hyphen. */
export function codeIn(text: string): string | undefined {
  const code = text.toUpperCase().replaceAll(/[\s-]/g, '');
  return code.length === CODE_LENGTH && [...code].every((each) => ALPHABET.includes(each)) ? code : undefined;
}

/** In two halves, which are easier to read. */
export function shownCode(code: string): string {
  return `${code.slice(0, CODE_LENGTH / 2)}-${code.slice(CODE_LENGTH / 2)}`;
}

/** True if it has the form of one; nothing else is looked up. */
export function isCredential(text: string | undefined): text is DisplayCredential {
  return CREDENTIAL.test(text ?? '');
}

function newCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

function partsOf(credential: DisplayCredential | undefined): [id?: string, secret?: string] {
  const [, id, secret] = CREDENTIAL.exec(credential ?? '') ?? [];
  return id === undefined || secret === undefined ? [] : [id, secret];
}

function isSecretOf({ secretHash }: { readonly secretHash: string }, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretHash, 'base64url'), Buffer.from(hashOf(secret), 'base64url'));
}

/** 256 random bits, so one round protects them as well as a slow hash. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

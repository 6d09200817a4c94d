// Public displays: those that are paired with a space, and those that show a code which nobody has confirmed yet. Methods
// reject if the store cannot be reached.
import type { SpaceId } from '../domain/ids.ts';

/** A screen with its secret, of which only a hash is stored. */
interface Screen {
  /** Random, and not secret. */
  readonly id: string;
  readonly spaceId: SpaceId;
  readonly secretHash: string;
}

export interface PairedDisplay extends Screen {
  /** What people call it; null if it has no name. */
  readonly name: string | null;
  readonly pairedMs: number;
  /** Whose token confirmed it; null where no tokens are needed. */
  readonly pairedBy: string | null;
}

export interface PendingDisplay extends Screen {
  readonly code: string;
  readonly expiresMs: number;
}

export interface DisplayStore {
  paired(id: string): Promise<PairedDisplay | undefined>;
  allPaired(): Promise<PairedDisplay[]>;
  /** @returns false if it was paired before; then nothing changes */
  pair(display: PairedDisplay): Promise<boolean>;
  /** Forgets a paired display. */
  unpair(id: string): Promise<void>;
  pending(id: string): Promise<PendingDisplay | undefined>;
  /** May include some that have expired. */
  allPending(): Promise<PendingDisplay[]>;
  /** @param keptMs after which the store may forget it; at least a second */
  addPending(display: PendingDisplay, keptMs: number): Promise<void>;
  removePending(id: string): Promise<void>;
}

import { randomBytes } from 'node:crypto';

/** Random bytes as text, for secrets and ids that cannot be guessed. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

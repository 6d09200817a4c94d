import type { DisplayScreen } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';

/** Its name, or the beginning of its id. */
export function displayTitle({ id, name }: DisplayScreen): string {
  return name ?? messages.unnamedDisplay(id);
}

// Names of spaces and doorways. A name is stored as given, and compared in NFC: "é" is the same name as "e" followed
// by a combining accent, because people cannot distinguish them.

/**
 * Matches anything except separators, control and format characters, and characters that are drawn as nothing. U+2800
 * is a blank.
 */
const VISIBLE = /[^\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

export function hasVisibleCharacter(name: string): boolean {
  return VISIBLE.test(name);
}

/** The key by which names are compared. */
export function nameKey(name: string): string {
  return name.normalize('NFC');
}

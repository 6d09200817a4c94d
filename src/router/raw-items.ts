// Cuts a JSON array into the bytes of its elements, so that a dead letter holds what the DPU sent and
// not our rendering of it. For arrays that JSON.parse has accepted; used only when an element is bad.

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE, COMMA] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d, 0x2c];

/** The bytes of each element of a valid JSON array, surrounding white space cut off. */
export function rawItems(array: Uint8Array): Uint8Array[] {
  const items: Uint8Array[] = [];
  let depth = 0;
  let inString = false;
  let start = 0;
  for (let at = 0; at < array.length; at++) {
    const byte = array[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth++;
      if (depth === 1) start = at + 1;
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      depth--;
      if (depth === 0) push(items, array, start, at);
    } else if (byte === COMMA && depth === 1) {
      push(items, array, start, at);
      start = at + 1;
    }
  }
  return items;
}

function push(items: Uint8Array[], array: Uint8Array, start: number, end: number): void {
  let [from, to] = [start, end];
  while (from < to && isSpace(array[from])) from++;
  while (to > from && isSpace(array[to - 1])) to--;
  if (to > from) items.push(array.subarray(from, to));
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

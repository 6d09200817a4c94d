// Finds the elements of a JSON array in its bytes, so that a dead letter holds exactly what the DPU sent. For arrays
// that JSON.parse has accepted; used only when an element is bad.

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE, COMMA] = [
  0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d, 0x2c,
];

/**
 * The byte range of each element of a valid JSON array, without surrounding white space: element i is the bytes from
 * `spans[2 * i]` to `spans[2 * i + 1]`. One flat array, because a message of 1 MB may have 500,000 elements.
 */
export function itemSpans(array: Uint8Array, items: number): Uint32Array {
  const spans = new Uint32Array(items * 2);
  let [found, depth, start, inString] = [0, 0, 0, false];
  const end = (at: number): void => {
    let [from, to] = [start, at];
    while (from < to && isSpace(array[from])) from++;
    while (to > from && isSpace(array[to - 1])) to--;
    if (to > from) [spans[found++], spans[found++]] = [from, to];
  };
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
      if (depth === 0) end(at);
    } else if (byte === COMMA && depth === 1) {
      end(at);
      start = at + 1;
    }
  }
  return spans;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

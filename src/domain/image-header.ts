// What the first bytes of an image say: its type and size. Types that can carry scripts, such as SVG, are not among them.

export interface ImageHeader {
  readonly type: 'image/png' | 'image/jpeg' | 'image/webp';
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff];
const VP8_START_CODE = [0x9d, 0x01, 0x2a];
const VP8L_SIGNATURE = 0x2f;

/** @returns undefined if it is none of these types, or has no size */
export function imageHeaderOf(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const header = pngHeader(bytes, view) ?? jpegHeader(bytes, view) ?? webpHeader(bytes, view);
    return header && header.width > 0 && header.height > 0 ? header : undefined;
  } catch (error) {
    // A number beyond the end of the bytes.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function pngHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (!hasAt(bytes, 0, PNG_SIGNATURE) || textAt(bytes, 12, 4) !== 'IHDR') return undefined;
  return { type: 'image/png', width: view.getUint32(16), height: view.getUint32(20) };
}

function jpegHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (!hasAt(bytes, 0, JPEG_SIGNATURE)) return undefined;
  let at = 2;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (isStartOfFrame(marker))
      return { type: 'image/jpeg', height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    // A fill byte stands alone; every other segment before the frame has a length.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** C4, C8 and CC are tables and an extension. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function webpHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (textAt(bytes, 0, 4) !== 'RIFF' || textAt(bytes, 8, 4) !== 'WEBP') return undefined;
  const type = 'image/webp';
  switch (textAt(bytes, 12, 4)) {
    case 'VP8 ':
      if (!hasAt(bytes, 23, VP8_START_CODE)) return undefined;
      return { type, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      if (view.getUint8(20) !== VP8L_SIGNATURE) return undefined;
      const bits = view.getUint32(21, true);
      return { type, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { type, width: uint24At(view, 24) + 1, height: uint24At(view, 27) + 1 };
    default:
      return undefined;
  }
}

const uint24At = (view: DataView, at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);

function hasAt(bytes: Uint8Array, at: number, wanted: readonly number[]): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte);
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

// Reads the type and the size of an image from its first bytes. Types that can carry scripts, such as SVG, are not among them.

export interface ImageHeader {
  readonly type: 'image/png' | 'image/jpeg' | 'image/webp';
  /** In pixels, after the orientation of a JPEG is applied, because cameras store many photos rotated. */
  readonly width: number;
  readonly height: number;
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff];
const APP1 = 0xe1;
const EXIF = 'Exif\0\0';
const [ORIENTATION_TAG, TIFF_SHORT] = [0x0112, 3];
/** Orientations 5 to 8 rotate the image by a quarter turn, which swaps its width and height. */
const [UPRIGHT, ROTATED_MIN, ORIENTATION_MAX] = [1, 5, 8];
const VP8_START_CODE = [0x9d, 0x01, 0x2a];
const VP8L_SIGNATURE = 0x2f;

/** @returns undefined if it is none of these types, or has no size */
export function imageHeaderOf(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const header = pngHeader(bytes, view) ?? jpegHeader(bytes, view) ?? webpHeader(bytes, view);
    return header && header.width > 0 && header.height > 0 ? header : undefined;
  } catch (error) {
    // The image is truncated: a field is beyond its end.
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
  let isRotated: boolean | undefined;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (isStartOfFrame(marker)) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return { type: 'image/jpeg', ...(isRotated ? { width: height, height: width } : { width, height }) };
    }
    if (marker === APP1 && textAt(bytes, at + 4, 6) === EXIF)
      isRotated ??= orientationIn(bytes.subarray(at + 10, at + 2 + view.getUint16(at + 2))) >= ROTATED_MIN;
    // A fill byte stands alone; every other segment before the frame has a length.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** @param tiff the TIFF structure in an Exif segment. @returns 1 (upright) if it has no orientation */
function orientationIn(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const order = textAt(tiff, 0, 2);
  const isLittle = order === 'II';
  if ((!isLittle && order !== 'MM') || tiff.length < 8) return UPRIGHT;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > tiff.length) return UPRIGHT;
  const entries = view.getUint16(directory, isLittle);
  for (let n = 0; n < entries; n++) {
    const at = directory + 2 + n * 12;
    if (at + 12 > tiff.length) return UPRIGHT;
    if (view.getUint16(at, isLittle) !== ORIENTATION_TAG) continue;
    const orientation = view.getUint16(at + 8, isLittle);
    return view.getUint16(at + 2, isLittle) === TIFF_SHORT && orientation <= ORIENTATION_MAX ? orientation : UPRIGHT;
  }
  return UPRIGHT;
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

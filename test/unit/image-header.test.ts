import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageHeaderOf } from '../../src/domain/image-header.ts';
import { pngOf } from '../support/images.ts';

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(
      parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([...part]))),
    ),
  );
const zeros = (count: number): number[] => Array<number>(count).fill(0);

/** A segment with another entry before the orientation. */
function exifOf(orientation: number, isLittle: boolean, { type = 3, entries = 2, directory = 8 } = {}): number[] {
  const number = (value: number, length: number): number[] => {
    const big = Array.from({ length }, (_, index) => (value >>> (8 * (length - 1 - index))) & 0xff);
    return isLittle ? big.reverse() : big;
  };
  const tiff = [
    ...Buffer.from(isLittle ? 'II' : 'MM'),
    ...number(42, 2),
    ...number(directory, 4),
    ...number(entries, 2),
    ...[...number(0x010f, 2), ...number(2, 2), ...number(4, 4), ...number(0x41424300, 4)],
    ...[...number(0x0112, 2), ...number(type, 2), ...number(1, 4), ...number(orientation, 2), 0, 0],
  ];
  return [0xff, 0xe1, 0, 8 + tiff.length, ...Buffer.from('Exif\0\0'), ...tiff];
}
const FRAME = [0xff, 0xc2, 0, 17, 8, 0, 200, 1, 44, 3];
const jpegWith = (...segments: (readonly number[])[]): Uint8Array => bytes([0xff, 0xd8], ...segments, FRAME);

/** Each is 300 wide and 200 high. */
const IMAGES = {
  png: pngOf(300, 200),
  // An application segment of 4 bytes, a fill byte, and the frame.
  jpeg: bytes([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 17, 8, 0, 200, 1, 44, 3]),
  jpegTurned: jpegWith(exifOf(3, true)),
  vp8: bytes('RIFF', zeros(4), 'WEBPVP8 ', zeros(7), [0x9d, 1, 0x2a, 44, 1, 200, 0]),
  vp8l: bytes('RIFF', zeros(4), 'WEBPVP8L', zeros(4), [0x2f, 0x2b, 0xc1, 0x31, 0]),
  vp8x: bytes('RIFF', zeros(4), 'WEBPVP8X', zeros(8), [43, 1, 0, 199, 0, 0]),
};

describe('the header of an image', () => {
  it.each(Object.entries(IMAGES))('says the type and size of %s', (name, image) => {
    const type = name.startsWith('vp') ? 'image/webp' : name === 'png' ? 'image/png' : 'image/jpeg';
    expect(imageHeaderOf(image)).toEqual({ type, width: 300, height: 200 });
  });

  it.each([
    ['nothing', ''],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"><script>alert(1)</script></svg>'],
    ['HTML', '<!doctype html><script>alert(1)</script>'],
    ['GIF', 'GIF89a\x03\0\x02\0'],
    ['a PNG without a size', '\x89PNG\r\n\x1a\n'],
    ['a PNG that is nothing wide', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\x02'],
    ['a JPEG that ends before its frame', '\xff\xd8\xff\xe0\0\x04'],
    ['a JPEG without a frame', '\xff\xd8\xff\xd9\0\x02\0'],
    ['another RIFF', 'RIFF\0\0\0\0WAVEfmt '],
  ])('is none for %s', (_, text) => {
    expect(imageHeaderOf(bytes(text))).toBeUndefined();
  });

  it.each([true, false])('has the sides of a JPEG as it is shown (little-endian: %s)', (isLittle) => {
    const sideways = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter(
      (orientation) => imageHeaderOf(jpegWith(exifOf(orientation, isLittle)))?.width === 200,
    );
    expect(sideways).toEqual([5, 6, 7, 8]);
    expect(imageHeaderOf(jpegWith(exifOf(6, isLittle)))).toEqual({ type: 'image/jpeg', width: 200, height: 300 });
    // The first segment counts.
    expect(imageHeaderOf(jpegWith(exifOf(1, isLittle), exifOf(6, isLittle)))?.width).toBe(300);
  });

  it.each([
    ['another type of number', exifOf(6, false, { type: 4 })],
    ['a directory beyond the segment', exifOf(6, true, { directory: 0xfffffff0 })],
    ['a directory that ends before the orientation', exifOf(6, true, { entries: 1 })],
    ['more entries than there are', exifOf(6, true, { type: 0, entries: 65_535 })],
    ['neither byte order', exifOf(6, true).map((byte, index) => (index === 10 ? 0 : byte))],
    ['nothing after the name', [0xff, 0xe1, 0, 8, ...Buffer.from('Exif\0\0')]],
    ['another APP1', exifOf(6, true).map((byte, index) => (index === 4 ? 0x58 : byte))],
  ])('is that of an upright JPEG with %s', (_, segment) => {
    expect(imageHeaderOf(jpegWith(segment))).toEqual({ type: 'image/jpeg', width: 300, height: 200 });
  });

  it('is read from any bytes, cut or damaged, without an error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(IMAGES)),
        fc.nat(70),
        fc.array(fc.tuple(fc.nat(69), fc.nat(255)), { maxLength: 4 }),
        (image, length, damages) => {
          const damaged = image.slice(0, length);
          for (const [at, byte] of damages) if (at < damaged.length) damaged[at] = byte;
          const header = imageHeaderOf(damaged);
          if (header) expect(Math.min(header.width, header.height)).toBeGreaterThan(0);
        },
      ),
    );
  });
});

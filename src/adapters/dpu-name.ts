// Converts names of devices and lines to DPU ids, which are 1 to 128 printable ASCII characters without white space.
// Other characters are percent-encoded as in a URL (`Main door` is `Main%20door`), so that different names remain
// different.
import { LINE_SEPARATOR } from '../domain/ids.ts';
import { WrongField } from './wrong-field.ts';

const LENGTH_MAX = 128;
/** The reason if neither the transport nor the payload names a device. */
export const NAMES_NO_DEVICE = 'names no device';

/**
 * @param transport the device that the transport names
 * @param device the device that the payload names
 * @throws WrongField if neither names one, or the name would be too long for an id
 */
export function dpuNameOf(transport: string | undefined, device: string | undefined, line: string | undefined): string {
  const [first, own] = [transport, device].map((name) => (name === undefined ? '' : segment(name)));
  const parts = [first, own === first ? '' : own, line === undefined ? '' : segment(line)].filter(Boolean);
  if (!first && !own) throw new WrongField('', NAMES_NO_DEVICE);
  const name = parts.join(LINE_SEPARATOR);
  if (name.length > LENGTH_MAX)
    throw new WrongField('', `device and line together have more than ${LENGTH_MAX} characters`);
  return name;
}

/** The device's name for an event, as the id of a reading; undefined if it is too long. */
export function readingNameOf(text: string | undefined): string | undefined {
  const name = text === undefined ? '' : printable(text);
  return name === '' || name.length > LENGTH_MAX ? undefined : name;
}

function segment(text: string): string {
  return printable(text).replaceAll(LINE_SEPARATOR, '%2F');
}

function printable(text: string): string {
  return text.replaceAll(/[^\x21-\x24\x26-\x7e]+/g, (some) =>
    Array.from(Buffer.from(some, 'utf8'), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

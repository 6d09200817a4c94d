// DPU ids are 1 to 128 printable ASCII characters without white space. Names that devices give their lines are not; what they may
// not contain is written as in a URL (`Main door` is `Main%20door`), so that different names stay different.
import { LINE_SEPARATOR } from '../domain/ids.ts';
import { WrongField } from './wrong-field.ts';

const LENGTH_MAX = 128;
/** Why there is no reading where neither the transport nor the payload names a device. */
export const NAMES_NO_DEVICE = 'names no device';

/**
 * @param transport the device that the transport names
 * @param device the device that the payload names
 * @throws WrongField when neither names one, or the name would be longer than ids may be
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

/** What a device calls an event, as the id of a reading; undefined when it is too long for one. */
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

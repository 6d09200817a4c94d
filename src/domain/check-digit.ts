// A check digit at the end of a place, so that typing errors are noticed.
import { digestOf } from './log-mark.ts';

const encoder = new TextEncoder();

export function checkOf(text: string): string {
  return digestOf(encoder.encode(text)).toString(36);
}

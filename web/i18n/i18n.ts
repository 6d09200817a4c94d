// The language: the first of the browser's languages that this page has.
import { de } from './messages.de.ts';
import { en, type Messages } from './messages.en.ts';

const LANGUAGES: Readonly<Record<string, Messages>> = { en, de };
const languageOf = (locale: string): string => locale.split('-')[0] ?? '';

/** For dates and numbers: with the region, such as `de-AT`. */
export const locale = navigator.languages.find((each) => languageOf(each) in LANGUAGES) ?? 'en';
export const messages = LANGUAGES[languageOf(locale)] ?? en;

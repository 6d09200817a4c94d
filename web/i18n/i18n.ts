// The language: the first of the browser's languages that this page has.
import { chooseLocale, languageOf } from './locale.ts';
import { de } from './messages.de.ts';
import { en, type Messages } from './messages.en.ts';

const LANGUAGES: Readonly<Record<string, Messages>> = { en, de };

/** For dates and numbers: with the region, such as `de-AT`. */
export const locale = chooseLocale(navigator.languages, Object.keys(LANGUAGES));
export const messages = LANGUAGES[languageOf(locale)] ?? en;

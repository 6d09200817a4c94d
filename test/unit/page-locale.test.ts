import { describe, expect, it } from 'vitest';
import { chooseLocale } from '../../web/i18n/locale.ts';

describe('the language of the page', () => {
  it.each([
    [['de-AT', 'en'], 'de-AT'],
    [['fr-FR', 'de', 'en-GB'], 'de'],
    [['fr-FR'], 'en'],
    [['en-US@posix'], 'en'],
    [[], 'en'],
  ])('for a browser with %j is %s', (wanted, expected) => {
    expect(chooseLocale(wanted, ['en', 'de'])).toBe(expected);
  });
});

// Which of the browser's languages the page follows.

/** @returns the first that is in one of these languages, with its region, such as `de-AT`; otherwise English */
export function chooseLocale(wanted: readonly string[], languages: readonly string[]): string {
  const found = wanted.find((each) => languages.includes(languageOf(each))) ?? 'en';
  return isTag(found) ? found : languageOf(found);
}

/** Chromium without a system language has `en-US@posix`, which dates and numbers cannot be formatted for. */
function isTag(locale: string): boolean {
  try {
    return Intl.getCanonicalLocales(locale).length === 1;
  } catch {
    return false;
  }
}

export function languageOf(locale: string): string {
  return locale.split('-')[0] ?? '';
}

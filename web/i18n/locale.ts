// Which of the browser's languages the page follows.

/** @returns the first that is in one of these languages, with its region, such as `de-AT`; otherwise English */
export function chooseLocale(wanted: readonly string[], languages: readonly string[]): string {
  return wanted.find((each) => languages.includes(languageOf(each))) ?? 'en';
}

export function languageOf(locale: string): string {
  return locale.split('-')[0] ?? '';
}

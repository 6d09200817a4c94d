/**
 * The folder of the project. Compiled files are two folders below it like this one, so the same path leads there from both.
 */
export const PROJECT = new URL('../../', import.meta.url);

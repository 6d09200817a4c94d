/** Prints one line of a command's output. The caller decides where it goes. */
export type PrintLine = (line: string) => void;

/** Prints one line of a command's output; where it goes is decided by whoever runs the command. */
export type PrintLine = (line: string) => void;

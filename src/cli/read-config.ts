import type { Config } from '../config.ts';

/** Reads the configuration when a command needs it, so that `--help` does not load the schema. @throws Error that names the variable */
export type ReadConfig = () => Config | Promise<Config>;

// `npm run docs:config`: writes the configuration table into README.md, from the schema that reads the environment.
import { readFileSync, writeFileSync } from 'node:fs';
import { configTable } from '../src/config.ts';

const README = new URL('../README.md', import.meta.url);
const PLACE = /(?<=<!-- configuration -->\n)[^]*(?=<!-- end of configuration -->)/;

writeFileSync(
  README,
  readFileSync(README, 'utf8').replace(PLACE, () => `${configTable()}\n`),
);

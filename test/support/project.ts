// The files of the repository that describe how the service is run.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export function projectFile(path: string): string {
  return readFileSync(new URL(path, `file://${ROOT}`), 'utf8');
}

export function projectYaml(path: string): unknown {
  return parse(projectFile(path), { merge: true });
}

/** All documents of a file. @throws Error if one is not YAML */
export function yamlDocuments(text: string): unknown[] {
  return parseAllDocuments(text, { merge: true })
    .map((document) => {
      const [error] = document.errors;
      if (error) throw error;
      return document.toJS() as unknown;
    })
    .filter((document) => document !== null);
}

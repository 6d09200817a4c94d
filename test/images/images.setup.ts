// Prepares Docker and the images under test, once for all files: the service's image is built from the Dockerfile, the
// others are pulled, or made if no registry is reachable.
import type { TestProject } from 'vitest/node';
import { findCompose } from './compose-plugin.ts';
import { DockerEngine, DockerMissingError, type DockerAddress } from './docker-engine.ts';
import { buildImages, type Images } from './images.ts';

declare module 'vitest' {
  interface ProvidedContext {
    docker: DockerAddress;
    /** The path of the program. */
    compose: string;
    images: Images;
  }
}

const printLine = (line: string): void => void process.stderr.write(`${line}\n`);

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let engine: DockerEngine | undefined;
  try {
    engine = await DockerEngine.findOrStart(printLine);
    project.provide('docker', engine.address);
    project.provide('compose', await findCompose(printLine));
    project.provide('images', await buildImages(engine, printLine));
  } catch (error) {
    await engine?.dispose();
    if (!(error instanceof DockerMissingError)) throw error;
    printLine(error.message);
    process.exit(1);
  }
  const started = engine;
  return async () => started.dispose();
}

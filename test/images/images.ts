// The images under test. The service's is always built from the Dockerfile. Those of NATS, ClickHouse, Prometheus and
// Grafana are pulled; if no registry is reachable, programs of this machine and of Debian replace them.
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectFile, projectYaml, ROOT } from '../support/project.ts';
import type { DockerEngine } from './docker-engine.ts';
import { importDebian } from './debian-image.ts';

export interface Images {
  readonly service: string;
  /** The Dockerfile's first stage, which compiles. */
  readonly build: string;
  readonly nats: string;
  readonly clickhouse: string;
  readonly prometheus: string;
  /** Undefined: it could not be pulled, and nothing replaces it. */
  readonly grafana: string | undefined;
  /** Replaced by chDB behind ClickHouse's HTTP interface. */
  readonly isClickhouseChdb: boolean;
}

const PULLS_WITHIN_MS = 600_000;
const BUILDS_WITHIN_MS = 1_800_000;
/** A registry's answer for an unknown image. Then the name is wrong, and no replacement may hide that. */
const REFUSED = /manifest unknown|not found|denied|unauthorized/i;

/** @param printLine gets a line for each image that is made or replaced */
export async function buildImages(engine: DockerEngine, printLine: (line: string) => void): Promise<Images> {
  const { services } = projectYaml('docker-compose.yml') as { services: Record<string, { image: string }> };
  const [, node = ''] = /^ARG NODE_IMAGE=(\S+)$/m.exec(projectFile('Dockerfile')) ?? [];
  const named = (service: string): string => services[service]?.image ?? '';
  const wanted = [node, named('nats'), named('clickhouse'), named('prometheus'), named('grafana')];
  if (await pullAll(engine, wanted, printLine))
    return {
      ...(await buildService(engine, node, printLine)),
      nats: named('nats'),
      clickhouse: named('clickhouse'),
      prometheus: named('prometheus'),
      grafana: named('grafana'),
      isClickhouseChdb: false,
    };
  const base = await importDebian(engine, printLine);
  const built = await buildService(engine, base, printLine);
  return { ...built, ...(await buildReplacements(engine, base, built.service, printLine)) };
}

/** @returns whether all of them are present; false if a registry is not reachable */
async function pullAll(
  engine: DockerEngine,
  images: readonly string[],
  printLine: (line: string) => void,
): Promise<boolean> {
  for (const image of images) {
    try {
      await engine.docker(['image', 'inspect', image]).catch(async () => {
        printLine(`pulling ${image}`);
        await engine.docker(['pull', '--quiet', image], { withinMs: PULLS_WITHIN_MS });
      });
    } catch (error) {
      if (REFUSED.test(String(error))) throw error;
      printLine(`${image} cannot be pulled: images are made here instead`);
      return false;
    }
  }
  return true;
}

async function buildService(
  engine: DockerEngine,
  base: string,
  printLine: (line: string) => void,
): Promise<Pick<Images, 'service' | 'build'>> {
  const [service, build] = ['density-images-test/service:latest', 'density-images-test/build:latest'];
  printLine('building the Dockerfile');
  const common = ['--build-arg', `NODE_IMAGE=${base}`, '--file', join(ROOT, 'Dockerfile')];
  for (const [image, args] of [
    [build, ['--target', 'build']],
    [service, []],
  ] as const)
    await buildImage(engine, image, ROOT, [...common, ...args]);
  return { service, build };
}

async function buildReplacements(
  engine: DockerEngine,
  base: string,
  service: string,
  printLine: (line: string) => void,
): Promise<Omit<Images, 'service' | 'build'>> {
  const context = await mkdtemp(join(tmpdir(), 'density-images-'));
  try {
    await copyFile(process.env['NATS_SERVER_BIN'] ?? '', join(context, 'nats-server'));
    await copyFile(join(ROOT, 'test/images/clickhouse.sh'), join(context, 'clickhouse.sh'));
    const file = join(ROOT, 'test/images/replacements.Dockerfile');
    const build = async (target: string): Promise<string> => {
      const image = `density-images-test/${target}:latest`;
      const args = ['--build-arg', `BASE=${base}`, '--build-arg', `SERVICE=${service}`, '--target', target];
      await buildImage(engine, image, context, [...args, '--file', file]);
      return image;
    };
    printLine('NATS is the nats-server of this machine; ClickHouse is chDB, its engine, behind the HTTP interface of');
    printLine('src/local/clickhouse; Prometheus is that of Debian; nothing replaces Grafana, so it does not run');
    return {
      nats: await build('nats'),
      clickhouse: await build('clickhouse'),
      prometheus: await build('prometheus'),
      grafana: undefined,
      isClickhouseChdb: true,
    };
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function buildImage(engine: DockerEngine, tag: string, context: string, args: readonly string[]): Promise<void> {
  // Host networking, because the tests' own daemon has no bridge.
  const all = ['build', '--network', 'host', '--tag', tag, ...args, context];
  await engine.docker(all, { withinMs: BUILDS_WITHIN_MS });
  engine.remember(tag);
}

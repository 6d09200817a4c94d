// Problems of a first rollout of k8s/: the order in which Argo CD applies the manifests, images and engines that do not
// exist yet, and what network policies and Prometheus's selectors leave out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { allContainersOf, at, containersOf, resolve, type Manifest } from '../support/kustomize.ts';
import { freePorts } from '../support/free-ports.ts';
import { ROOT } from '../support/project.ts';

interface Rule {
  readonly to?: readonly unknown[];
  readonly from?: readonly unknown[];
  readonly ports: readonly { readonly port: number | string; readonly protocol: string }[];
}

const DEV = resolve(`${ROOT}k8s/overlays/dev`);
const PRODUCTION = resolve(`${ROOT}k8s/overlays/production`);
const WAVE = 'argocd.argoproj.io/sync-wave';
/** Argo CD reports these as unhealthy while there are no pods, and waits. */
const NEEDS_PODS = ['HorizontalPodAutoscaler', 'ScaledObject', 'PodDisruptionBudget'];

const waveOf = ({ metadata }: Manifest): number => Number(metadata.annotations?.[WAVE] ?? 0);
const isOurs = ({ metadata }: Manifest): boolean => metadata.labels?.['app.kubernetes.io/name'] === 'density-api';
const inNamespace = (name: string): object => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});

function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

function rules(manifests: readonly Manifest[], policy: string, direction: 'ingress' | 'egress'): readonly Rule[] {
  return at(find(manifests, 'NetworkPolicy', policy), ['spec', direction]) as readonly Rule[];
}

/** The rule of the policy that allows a port over a protocol. */
function ruleFor(manifests: readonly Manifest[], policy: string, port: number, protocol = 'TCP'): Rule | undefined {
  return rules(manifests, policy, 'egress').find(({ ports }) =>
    ports.some((one) => one.port === port && one.protocol === protocol),
  );
}

describe.each([
  ['dev', DEV],
  ['production', PRODUCTION],
] as const)('overlay %s', (_name, manifests) => {
  test('Argo CD applies the migration\'s dependencies before it, and the service\'s pods after it', () => {
    const job = find(manifests, 'Job', 'density-migrate');
    // A hook of an earlier phase would start before anything else exists.
    expect(job.metadata.annotations).toMatchObject({
      'argocd.argoproj.io/hook': 'Sync',
      'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
    });
    const pods = manifests.filter((one) => isOurs(one) && one !== job && containersOf(one).length > 0);
    expect(pods.length).toBe(2);
    const after = manifests.filter((one) => pods.includes(one) || NEEDS_PODS.includes(one.kind));
    const before = manifests.filter((one) => one !== job && !after.includes(one));
    expect(before.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['Namespace', 'ServiceAccount', 'ConfigMap', 'NetworkPolicy']),
    );
    for (const one of before) expect(waveOf(one), `${one.kind} ${one.metadata.name}`).toBeLessThan(waveOf(job));
    for (const one of after) expect(waveOf(one), `${one.kind} ${one.metadata.name}`).toBeGreaterThan(waveOf(job));
  });

  test('the service reaches DNS: CoreDNS, NodeLocal DNSCache and OpenShift\'s', () => {
    for (const protocol of ['UDP', 'TCP']) {
      expect(ruleFor(manifests, 'density-out', 53, protocol)?.to).toEqual([
        inNamespace('kube-system'),
        { ipBlock: { cidr: '169.254.20.10/32' } },
      ]);
      expect(ruleFor(manifests, 'density-out', 5353, protocol)?.to).toEqual([inNamespace('openshift-dns')]);
    }
  });
});

test('production allows fetching a JWKS, and scrapes by Prometheus', () => {
  expect(ruleFor(PRODUCTION, 'density-https-out', 443)).toBeDefined();
  expect(ruleFor(PRODUCTION, 'density-out', 443), 'without the component it is closed').toBeUndefined();
  expect(rules(PRODUCTION, 'density-metrics-in', 'ingress')[0]?.from).toEqual([inNamespace('monitoring')]);
});

test('the ServiceMonitor and the rules have the label that kube-prometheus-stack selects', () => {
  for (const kind of ['ServiceMonitor', 'PrometheusRule'])
    expect(find(PRODUCTION, kind, 'density').metadata.labels).toMatchObject({ release: 'kube-prometheus-stack' });
});

test('the dev overlay never pulls the service\'s image, and production pulls it if it is missing', () => {
  const policies = (manifests: readonly Manifest[]): unknown[] =>
    manifests
      .filter(isOurs)
      .flatMap(allContainersOf)
      .map((container) => container['imagePullPolicy']);
  expect(policies(DEV)).toEqual(['Never', 'Never', 'Never', 'Never']);
  expect(policies(PRODUCTION)).toEqual(['IfNotPresent', 'IfNotPresent', 'IfNotPresent']);
});

test('the migration of the dev overlay waits until both engines listen', async () => {
  const [waits] = allContainersOf(find(DEV, 'Job', 'density-migrate'));
  const command = waits?.['command'] as string[];
  const engines = command.slice(4);
  expect(engines).toEqual(['nats/4222', 'clickhouse/8123']);
  for (const engine of engines) {
    const [host = '', port] = engine.split('/');
    const [declared] = at(find(DEV, 'Service', host), ['spec', 'ports']) as { port: number }[];
    expect(declared?.port).toBe(Number(port));
  }
  const ports = await freePorts(engines.length);
  const [program = '', ...args] = command;
  const here = [...args.slice(0, 3), ...ports.map((port) => `127.0.0.1/${port}`)];
  const child = spawn(program, here, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const reached = new Set<number>();
  const servers = ports.map((port) => createServer((socket) => void (reached.add(port), socket.end())));
  try {
    for (const [n, server] of servers.entries()) await once(server.listen(ports[n], '127.0.0.1'), 'listening');
    expect(await ended).toEqual([0, null]);
    expect([...reached], 'one after the other').toEqual(ports);
  } finally {
    child.kill('SIGKILL');
    for (const server of servers) server.close();
  }
}, 60_000);

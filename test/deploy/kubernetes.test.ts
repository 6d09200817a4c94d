// Every overlay of k8s/, resolved: each manifest is checked against the schema of its kind and version, and all of them
// against each other and against the service, because there is no cluster here to try them on.
import { execFileSync } from 'node:child_process';
import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1';
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { CONFIG, readConfig } from '../../src/config.ts';
import {
  allContainersOf,
  at,
  containersOf,
  filesUnder,
  resolve,
  type Container,
  type Manifest,
} from '../support/kustomize.ts';
import { hasProgram } from '../support/programs.ts';
import { projectFile, ROOT, yamlDocuments } from '../support/project.ts';

type Model = new (data?: unknown) => { validate(): void };
type Labels = Readonly<Record<string, string>>;

const MODELS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  v1: core,
  'apps/v1': apps,
  'batch/v1': batch,
  'autoscaling/v2': autoscaling,
  'policy/v1': policy,
  'networking.k8s.io/v1': networking,
  'keda.sh/v1alpha1': keda,
  'monitoring.coreos.com/v1': monitoring,
};
/** Settings of Node, not of the service. */
const OF_NODE = ['NODE_OPTIONS'];
/** Three semi-spaces of 64 MB (Dockerfile), plus buffers, code and threads. */
const [NURSERY_MIB, NATIVE_MIB] = [192, 64];
/** How long a shard process may need to flush, save and release its shards while ClickHouse is slow. */
const HANDOVER_MAX_S = 30;
const OVERLAYS = ['dev', 'production'] as const;
const seen = new Set<string>();
const resolved = Object.fromEntries(
  OVERLAYS.map((name) => [name, resolve(`${ROOT}k8s/overlays/${name}`, seen)]),
) as Record<(typeof OVERLAYS)[number], Manifest[]>;
/** Secrets that are created by hand; their example lists the keys. */
const EXAMPLE = yamlDocuments(projectFile('k8s/overlays/production/secrets.example.yaml')) as Manifest[];

function isSelected(labels: Labels | undefined, selector: unknown): boolean {
  const wanted = (at(selector, ['matchLabels']) ?? selector) as Labels;
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}

const workloadsOf = (manifests: readonly Manifest[]): Manifest[] =>
  manifests.filter((manifest) => containersOf(manifest).length > 0);
const podLabels = (workload: Manifest): Labels | undefined =>
  at(workload, ['spec', 'template', 'metadata', 'labels']) as Labels | undefined;
const portsOf = (container: Container): { name: string; containerPort: number }[] =>
  (container['ports'] ?? []) as { name: string; containerPort: number }[];
const named = (manifest: Manifest): string => `${manifest.kind}/${manifest.metadata.name}`;

function secretsAndMaps(manifests: readonly Manifest[]): Map<string, string[]> {
  const given = [...manifests, ...EXAMPLE].filter(({ kind }) => kind === 'Secret' || kind === 'ConfigMap');
  const keys = new Map<string, string[]>();
  for (const manifest of given)
    keys.set(
      named(manifest),
      keys.get(named(manifest)) ?? Object.keys((manifest['data'] ?? manifest['stringData']) as object),
    );
  return keys;
}

function environmentOf(workload: Manifest, manifests: readonly Manifest[]): Record<string, string> {
  const [container] = containersOf(workload);
  const maps = (at(container, ['envFrom']) ?? []) as { configMapRef: { name: string } }[];
  const fromMaps = maps.map(
    ({ configMapRef }) =>
      manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name)?.[
        'data'
      ] as object,
  );
  const own = ((container?.['env'] ?? []) as { name: string; value?: string }[]).map(({ name, value }) => [
    name,
    value ?? (name.endsWith('_URL') ? 'nats://elsewhere:1' : 'elsewhere'),
  ]);
  return Object.assign({}, ...fromMaps, Object.fromEntries(own)) as Record<string, string>;
}

test('every file of k8s/ is part of an overlay', () => {
  const all = filesUnder(`${ROOT}k8s`).filter((path) => !path.endsWith('secrets.example.yaml'));
  expect(all.filter((path) => !seen.has(path))).toEqual([]);
});

describe.each(OVERLAYS)('overlay %s', (overlay) => {
  const manifests = resolved[overlay];
  const workloads = workloadsOf(manifests);
  const ours = workloads.filter((workload) => podLabels(workload)?.['app.kubernetes.io/name'] === 'density-api');

  test.each(manifests.map((manifest) => [named(manifest), manifest] as const))(
    '%s conforms to the schema of its kind and version',
    (_name, manifest) => {
      const model = MODELS[manifest.apiVersion]?.[manifest.kind] as Model | undefined;
      expect(model, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined();
      if (model) new model(manifest).validate();
    },
  );

  test('has every object once', () => {
    const names = manifests.map(named);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        'StatefulSet/density-shards',
        'Deployment/density-api',
        'HorizontalPodAutoscaler/density-api',
        'PodDisruptionBudget/density-shards',
        'PodDisruptionBudget/density-api',
        'NetworkPolicy/density-out',
        'NetworkPolicy/density-api-in',
        'Job/density-migrate',
        'Service/density-api',
        'Service/density-shards',
        'ServiceAccount/density',
      ]),
    );
    if (overlay === 'production')
      expect(names).toEqual(
        expect.arrayContaining(['ScaledObject/density-shards', 'ServiceMonitor/density', 'PrometheusRule/density']),
      );
  });

  test('selectors match: workloads their own pods; services, budgets and policies some pods', () => {
    for (const workload of workloads) {
      const selector = at(workload, ['spec', 'selector']);
      if (workload.kind !== 'Job') expect(isSelected(podLabels(workload), selector), named(workload)).toBe(true);
      for (const constraint of (at(workload, ['spec', 'template', 'spec', 'topologySpreadConstraints']) ?? []) as {
        labelSelector: unknown;
      }[]) {
        expect(isSelected(podLabels(workload), constraint.labelSelector), named(workload)).toBe(true);
      }
    }
    const selecting = manifests.flatMap((manifest) => {
      if (manifest.kind === 'Service' || manifest.kind === 'PodDisruptionBudget')
        return [[named(manifest), at(manifest, ['spec', 'selector'])] as const];
      return manifest.kind === 'NetworkPolicy'
        ? [[named(manifest), at(manifest, ['spec', 'podSelector'])] as const]
        : [];
    });
    for (const [name, selector] of selecting)
      expect(workloads.filter((workload) => isSelected(podLabels(workload), selector)).length, name).toBeGreaterThan(0);
    // A pod of the Job must not get requests, nor count towards a budget.
    for (const [name, selector] of selecting.filter(([key]) => !key.startsWith('NetworkPolicy'))) {
      const selected = workloads
        .filter((workload) => isSelected(podLabels(workload), selector))
        .map(({ kind }) => kind);
      expect(selected, name).not.toContain('Job');
    }
  });

  test('the named ports exist', () => {
    for (const service of manifests.filter(({ kind }) => kind === 'Service')) {
      const [workload] = workloads.filter((one) => isSelected(podLabels(one), at(service, ['spec', 'selector'])));
      const names = workload
        ? containersOf(workload)
            .flatMap(portsOf)
            .map(({ name }) => name)
        : [];
      for (const port of at(service, ['spec', 'ports']) as { targetPort: string }[])
        expect(names, named(service)).toContain(port.targetPort);
    }
    for (const workload of workloads) {
      for (const container of containersOf(workload)) {
        const names = portsOf(container).map(({ name }) => name);
        for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
          const port = at(container, [probe, 'httpGet', 'port']);
          if (port !== undefined) expect(names, `${named(workload)} ${probe}`).toContain(port);
        }
      }
    }
    for (const workload of ours.filter(({ kind }) => kind !== 'Job')) {
      expect(environmentOf(workload, manifests)['PORT'], named(workload)).toBe(
        String(containersOf(workload).flatMap(portsOf)[0]?.containerPort),
      );
    }
  });

  test('the named secrets, config maps, accounts, volumes and headless services exist, with their keys', () => {
    const given = secretsAndMaps(manifests);
    for (const workload of workloads) {
      const pod = at(workload, ['spec', 'template', 'spec']);
      const volumes = (at(pod, ['volumes']) ?? []) as Record<string, unknown>[];
      const claims = (at(workload, ['spec', 'volumeClaimTemplates']) ?? []) as Manifest[];
      const volumeNames = [...volumes.map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)];
      for (const volume of volumes) {
        const [secret, map] = [at(volume, ['secret', 'secretName']), at(volume, ['configMap', 'name'])] as [
          string?,
          string?,
        ];
        if (secret !== undefined) expect([...given.keys()], named(workload)).toContain(`Secret/${secret}`);
        if (map !== undefined) expect([...given.keys()], named(workload)).toContain(`ConfigMap/${map}`);
      }
      const account = at(pod, ['serviceAccountName']) as string | undefined;
      if (account !== undefined) expect(manifests.map(named)).toContain(`ServiceAccount/${account}`);
      if (workload.kind === 'StatefulSet')
        expect(manifests.map(named)).toContain(`Service/${String(at(workload, ['spec', 'serviceName']))}`);
      for (const container of containersOf(workload)) {
        for (const mount of (container['volumeMounts'] ?? []) as { name: string }[])
          expect(volumeNames, named(workload)).toContain(mount.name);
        for (const from of (container['envFrom'] ?? []) as unknown[])
          expect([...given.keys()]).toContain(`ConfigMap/${String(at(from, ['configMapRef', 'name']))}`);
        for (const variable of (container['env'] ?? []) as unknown[]) {
          const key = at(variable, ['valueFrom', 'secretKeyRef']) as { name: string; key: string } | undefined;
          if (key) expect(given.get(`Secret/${key.name}`), `${named(workload)} ${key.name}`).toContain(key.key);
        }
      }
    }
  });

  test('files named in settings are mounted from a secret that contains them', () => {
    const given = secretsAndMaps(manifests);
    for (const workload of ours) {
      const [container] = containersOf(workload);
      const mounts = (container?.['volumeMounts'] ?? []) as { name: string; mountPath: string }[];
      const volumes = (at(workload, ['spec', 'template', 'spec', 'volumes']) ?? []) as {
        name: string;
        secret?: { secretName: string };
      }[];
      for (const [key, path] of Object.entries(environmentOf(workload, manifests)).filter(([name]) =>
        name.endsWith('_FILE'),
      )) {
        const mount = mounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
        const secret = volumes.find(({ name }) => name === mount?.name)?.secret?.secretName;
        expect(given.get(`Secret/${secret}`), `${named(workload)} ${key}=${path}`).toContain(
          path.slice((mount?.mountPath.length ?? 0) + 1),
        );
      }
    }
  });

  test('settings exist and are valid', () => {
    for (const workload of ours) {
      const environment = environmentOf(workload, manifests);
      for (const key of Object.keys(environment))
        expect([...Object.keys(CONFIG), ...OF_NODE], named(workload)).toContain(key);
      expect(() => readConfig(environment), named(workload)).not.toThrow();
    }
    const roleOf = (name: string): unknown =>
      environmentOf(ours.find((one) => named(one) === name) as Manifest, manifests)['ROLE'];
    expect([roleOf('StatefulSet/density-shards'), roleOf('Deployment/density-api')]).toEqual(['shards', 'api']);
  });

  test('a pod has more time to stop than it needs', () => {
    for (const workload of ours.filter(({ kind }) => kind !== 'Job')) {
      const [container] = containersOf(workload);
      const preStop = (at(container, ['lifecycle', 'preStop', 'exec', 'command']) ?? []) as string[];
      const preStopMs = Number(/^sleep (\d+)$/.exec(preStop.join(' '))?.[1] ?? 0) * 1_000;
      const { SHUTDOWN_WAIT_MS } = readConfig(environmentOf(workload, manifests));
      const grace = Number(at(workload, ['spec', 'template', 'spec', 'terminationGracePeriodSeconds']));
      expect(grace, named(workload)).toBeGreaterThan((preStopMs + SHUTDOWN_WAIT_MS) / 1_000 + HANDOVER_MAX_S);
      if (workload.kind === 'Deployment') expect(preStopMs).toBeGreaterThanOrEqual(5_000);
    }
  });

  test('pods run unprivileged, with a read-only file system, no injected variables and bounded memory', () => {
    for (const workload of workloads) {
      const pod = at(workload, ['spec', 'template', 'spec']);
      expect(pod, named(workload)).toMatchObject({
        enableServiceLinks: false,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of allContainersOf(workload)) {
        expect(container['securityContext'], named(workload)).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
        expect(at(container, ['resources', 'limits', 'memory']), named(workload)).toBeDefined();
        expect(at(container, ['resources', 'requests', 'cpu']), named(workload)).toBeDefined();
        expect(container.image, named(workload)).toMatch(/:[\w.-]*\d/);
        if (!ours.includes(workload)) continue;
        expect(at(container, ['securityContext', 'readOnlyRootFilesystem'])).toBe(true);
        if (!containersOf(workload).includes(container)) continue;
        const heapMib = Number(
          /--max-old-space-size=(\d+)/.exec(environmentOf(workload, manifests)['NODE_OPTIONS'] ?? '')?.[1] ?? 0,
        );
        const limit = /^(\d+)([MG])i$/.exec(String(at(container, ['resources', 'limits', 'memory'])));
        const limitMib = Number(limit?.[1]) * (limit?.[2] === 'G' ? 1_024 : 1);
        expect(heapMib + NURSERY_MIB + NATIVE_MIB, named(workload)).toBeLessThanOrEqual(limitMib);
      }
    }
  });

  test('autoscalers have an existing target, which sets no number of replicas itself', () => {
    for (const scaler of manifests.filter(
      ({ kind }) => kind === 'HorizontalPodAutoscaler' || kind === 'ScaledObject',
    )) {
      const target = at(scaler, ['spec', 'scaleTargetRef']) as { kind: string; name: string; apiVersion: string };
      const found = manifests.find(
        ({ kind, metadata, apiVersion }) =>
          kind === target.kind && metadata.name === target.name && apiVersion === target.apiVersion,
      );
      expect(found, named(scaler)).toBeDefined();
      expect(at(found, ['spec', 'replicas']), named(scaler)).toBeUndefined();
      const partitions = Number(environmentOf(found as Manifest, manifests)['PARTITIONS']);
      if (scaler.kind === 'ScaledObject')
        expect(Number(at(scaler, ['spec', 'maxReplicaCount']))).toBeLessThanOrEqual(partitions);
    }
  });

  test('the ServiceMonitor matches services with its port and path', () => {
    for (const monitor of manifests.filter(({ kind }) => kind === 'ServiceMonitor')) {
      const services = manifests.filter(
        ({ kind, metadata }) => kind === 'Service' && isSelected(metadata.labels, at(monitor, ['spec', 'selector'])),
      );
      expect(services.map(named).sort()).toEqual(['Service/density-api', 'Service/density-shards']);
      const [endpoint] = at(monitor, ['spec', 'endpoints']) as { port: string; path: string }[];
      expect(endpoint?.path).toBe('/metrics');
      for (const service of services)
        expect((at(service, ['spec', 'ports']) as { name: string }[]).map(({ name }) => name)).toContain(
          endpoint?.port,
        );
    }
  });

  test('kustomize itself resolves it to the same objects', ({ skip }) => {
    skip(!hasProgram('kubectl', 'version', '--client'), 'needs kubectl: https://kubernetes.io/docs/tasks/tools');
    const text = execFileSync('kubectl', ['kustomize', `${ROOT}k8s/overlays/${overlay}`], {
      encoding: 'utf8',
      maxBuffer: 1e7,
    });
    const theirs = (yamlDocuments(text) as Manifest[]).map((manifest) => named(manifest).replace(/-[0-9a-z]{10}$/, ''));
    expect(theirs.sort()).toEqual(manifests.map(named).sort());
    const withoutHashes = JSON.parse(
      JSON.stringify(yamlDocuments(text)).replace(/(density-secrets|density-config|nats-config)-[0-9a-z]{10}/g, '$1'),
    ) as Manifest[];
    // Kustomize encodes the values of a secret.
    for (const manifest of manifests.filter(({ kind }) => kind !== 'Secret'))
      expect(withoutHashes.find((one) => named(one) === named(manifest))).toEqual(manifest);
  });
});

test('the programs that pods run are commands of the service', () => {
  const commands = resolved.production
    .flatMap(containersOf)
    .map((container) => (container['args'] as string[])[0] ?? '');
  const help = execFileSync(process.execPath, [`${ROOT}bin/density.js`, '--help'], { encoding: 'utf8' });
  for (const command of new Set(commands)) expect(help).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
});

// Resolves a kustomization the way kustomize does, as far as k8s/ uses it: resources, components, images,
// labels, namespace, generators (without the hash of their names), JSON patches. An unknown field is an
// error, so that no manifest uses a feature that this lacks. If kubectl is installed, a test compares the
// two.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { yamlDocuments } from './project.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

interface Generator {
  readonly name: string;
  readonly behavior?: 'merge';
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
}
interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}
interface Patch {
  readonly path?: string;
  readonly patch?: string;
  readonly target: { readonly kind: string; readonly name?: string; readonly labelSelector?: string };
}
interface Kustomization {
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly labels?: readonly {
    readonly pairs: Readonly<Record<string, string>>;
    readonly includeTemplates?: boolean;
  }[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly configMapGenerator?: readonly Generator[];
  readonly secretGenerator?: readonly Generator[];
  readonly patches?: readonly Patch[];
}

const FIELDS = [
  'apiVersion',
  'kind',
  'namespace',
  'resources',
  'components',
  'labels',
  'images',
  'configMapGenerator',
  'secretGenerator',
  'patches',
];

/** @param seen collects every file that was read */
export function resolve(folder: string, seen = new Set<string>(), before: readonly Manifest[] = []): Manifest[] {
  const file = join(folder, 'kustomization.yaml');
  const read = (path: string): string => {
    seen.add(path);
    return readFileSync(path, 'utf8');
  };
  const [found] = yamlDocuments(read(file));
  const kustomization = found as Kustomization;
  const unknown = Object.keys(kustomization).filter((field) => !FIELDS.includes(field));
  if (unknown.length > 0) throw new Error(`${file}: ${unknown.join(', ')} is not understood here`);
  let manifests: Manifest[] = [
    ...before,
    ...(kustomization.resources ?? []).flatMap((path) => {
      const full = join(folder, path);
      return existsSync(join(full, 'kustomization.yaml'))
        ? resolve(full, seen)
        : (yamlDocuments(read(full)) as Manifest[]);
    }),
  ];
  for (const path of kustomization.components ?? []) manifests = resolve(join(folder, path), seen, manifests);
  for (const [kind, generators] of [
    ['ConfigMap', kustomization.configMapGenerator],
    ['Secret', kustomization.secretGenerator],
  ] as const) {
    for (const generator of generators ?? []) generate(manifests, kind, generator, (path) => read(join(folder, path)));
  }
  for (const { pairs, includeTemplates } of kustomization.labels ?? [])
    manifests.forEach((manifest) => label(manifest, pairs, includeTemplates ?? false));
  for (const patch of kustomization.patches ?? []) apply(manifests, patch, (path) => read(join(folder, path)));
  for (const image of kustomization.images ?? [])
    manifests.flatMap(allContainersOf).forEach((container) => {
      if (container.image === image.name) container.image = `${image.newName}:${image.newTag}`;
    });
  if (kustomization.namespace !== undefined) {
    for (const { kind, metadata } of manifests) if (kind !== 'Namespace') metadata.namespace = kustomization.namespace;
  }
  return manifests;
}

export interface Container {
  image: string;
  readonly [field: string]: unknown;
}

export function containersOf(manifest: Manifest): Container[] {
  return (at(manifest, ['spec', 'template', 'spec', 'containers']) ?? []) as Container[];
}

/** Including init containers. */
export function allContainersOf(manifest: Manifest): Container[] {
  const before = (at(manifest, ['spec', 'template', 'spec', 'initContainers']) ?? []) as Container[];
  return [...before, ...containersOf(manifest)];
}

/** The value at a path of fields; undefined if part of the path does not exist. */
export function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  );
}

/** Every file under a folder. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function generate(
  manifests: Manifest[],
  kind: 'ConfigMap' | 'Secret',
  generator: Generator,
  read: (path: string) => string,
): void {
  const literals = (generator.literals ?? []).map((literal) => [
    literal.slice(0, literal.indexOf('=')),
    literal.slice(literal.indexOf('=') + 1),
  ]);
  const data = Object.fromEntries([
    ...literals,
    ...(generator.files ?? []).map((path) => [basename(path), read(path)]),
  ]) as Record<string, string>;
  const field = kind === 'ConfigMap' ? 'data' : 'stringData';
  const existing = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === generator.name);
  if ((generator.behavior === 'merge') !== (existing !== undefined))
    throw new Error(`${kind} ${generator.name}: behavior does not fit`);
  if (existing) Object.assign(existing[field] as object, data);
  else manifests.push({ apiVersion: 'v1', kind, metadata: { name: generator.name }, [field]: data });
}

function label(manifest: Manifest, pairs: Readonly<Record<string, string>>, includeTemplates: boolean): void {
  manifest.metadata.labels = { ...manifest.metadata.labels, ...pairs };
  const template = at(manifest, ['spec', 'template', 'metadata']) as { labels?: Record<string, string> } | undefined;
  if (includeTemplates && template) template.labels = { ...template.labels, ...pairs };
}

function apply(manifests: readonly Manifest[], { path, patch, target }: Patch, read: (path: string) => string): void {
  const [operations] = yamlDocuments(path === undefined ? (patch ?? '') : read(path)) as [readonly Operation[]];
  const [key = '', value] = target.labelSelector?.split('=') ?? [];
  const targets = manifests.filter(
    ({ kind, metadata }) =>
      new RegExp(`^(${target.kind})$`).test(kind) &&
      (target.name === undefined || metadata.name === target.name) &&
      (target.labelSelector === undefined || metadata.labels?.[key] === value),
  );
  if (targets.length === 0) throw new Error(`a patch has no target: ${JSON.stringify(target)}`);
  for (const manifest of targets) for (const operation of operations) operate(manifest, operation);
}

function operate(manifest: Manifest, { op, path, value }: Operation): void {
  const keys = path
    .slice(1)
    .split('/')
    .map((key) => key.replace(/~1/g, '/').replace(/~0/g, '~'));
  const last = keys.at(-1) ?? '';
  const parent = at(manifest, keys.slice(0, -1)) as Record<string, unknown> | unknown[] | undefined;
  if (parent === undefined) throw new Error(`${manifest.kind} ${manifest.metadata.name} has no ${path}`);
  if (Array.isArray(parent) && op === 'add')
    parent.splice(last === '-' ? parent.length : Number(last), 0, structuredClone(value));
  else {
    const fields = parent as Record<string, unknown>;
    if (op !== 'add' && !(last in fields)) throw new Error(`${manifest.kind} ${manifest.metadata.name} has no ${path}`);
    if (op === 'remove') delete fields[last];
    else fields[last] = structuredClone(value);
  }
}

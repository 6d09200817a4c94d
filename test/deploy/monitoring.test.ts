// Alerts, dashboards and the autoscaler refer to metrics as text: every name must be a metric of the service, and every
// expression valid PromQL. If promtool is installed it runs the alerts' own tests.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { Metrics } from '../../src/metrics.ts';
import { hasProgram } from '../support/programs.ts';
import { projectFile, projectYaml, ROOT } from '../support/project.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}
interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
}

const DASHBOARDS = 'deploy/grafana/dashboards';
/** Metrics that Prometheus itself adds for every target. */
const OF_PROMETHEUS = ['up'];

const metrics = await new Metrics().registry.getMetricsAsJSON();
const series = new Set([
  ...OF_PROMETHEUS,
  ...metrics.flatMap(({ name, type }) =>
    String(type) === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
  ),
]);
// The objects of the metrics library know the labels of each metric.
const rules = projectYaml('deploy/prometheus/alerts.yml') as Rules;
const dashboards = readdirSync(`${ROOT}${DASHBOARDS}`).map(
  (file) => JSON.parse(projectFile(`${DASHBOARDS}/${file}`)) as Dashboard,
);
const scaler = projectYaml('k8s/components/keda/scaled-object.yaml') as {
  spec: { triggers: { metadata: { query: string } }[] };
};
const expressions = [
  ...rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ where: alert, expr }))),
  ...dashboards.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ where: `${uid}: ${title}`, expr }))),
  ),
  ...scaler.spec.triggers.map(({ metadata }) => ({ where: 'KEDA', expr: metadata.query })),
];

function namesIn(expr: string): { names: string[]; isWellFormed: boolean } {
  const names: string[] = [];
  let isWellFormed = true;
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.type.isError) isWellFormed = false;
      if (node.name === 'VectorSelector') names.push(/^\w+/.exec(expr.slice(node.from, node.to))?.[0] ?? '');
    },
  });
  return { names, isWellFormed };
}

test('there are expressions to check', () => {
  expect(expressions.length).toBeGreaterThan(40);
  expect(namesIn('sum(rate(a_total{b="c"}[5m])) / max(d)')).toEqual({ names: ['a_total', 'd'], isWellFormed: true });
  expect(namesIn('sum(rate(a[5m])').isWellFormed).toBe(false);
});

test.each(expressions)('$where: is PromQL over existing metrics', ({ expr }) => {
  const { names, isWellFormed } = namesIn(expr);
  expect(isWellFormed, expr).toBe(true);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(series, name).toContain(name);
});

describe('alerts', () => {
  const alerts = rules.groups.flatMap((group) => group.rules);

  test('each has a severity, a sentence, a duration, a unique name, and a section of docs/operations.md', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    const page = projectFile('docs/operations.md');
    for (const { alert, labels, annotations, for: during } of alerts) {
      expect(['critical', 'warning', 'info'], alert).toContain(labels['severity']);
      expect(annotations['summary'], alert).toMatch(/\.$/);
      expect(during, alert).toMatch(/^\d+[sm]$/);
      expect(page, alert).toContain(`\`${alert}\``);
    }
  });

  test('the Prometheus operator\'s rules are the same', () => {
    const manifest = projectYaml('k8s/components/monitoring/alerts.yaml') as { spec: Rules };
    expect(manifest.spec.groups).toEqual(rules.groups);
  });

  test('pass the tests of promtool', ({ skip }) => {
    skip(!hasProgram('promtool', '--version'), 'needs promtool: apt-get install prometheus');
    expect(
      execFileSync('promtool', ['test', 'rules', `${ROOT}deploy/prometheus/alerts.test.yml`], { encoding: 'utf8' }),
    ).toContain('SUCCESS');
  });

  test('each has a test in which it fires, and every test belongs to an alert', () => {
    const { tests } = projectYaml('deploy/prometheus/alerts.test.yml') as {
      tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
    };
    const cases = tests.flatMap((one) => one.alert_rule_test);
    const names = alerts.map(({ alert }) => alert).sort();
    for (const { alertname } of cases) expect(names).toContain(alertname);
    expect(
      [
        ...new Set(cases.filter(({ exp_alerts: raised = [] }) => raised.length > 0).map(({ alertname }) => alertname)),
      ].sort(),
    ).toEqual(names);
  });
});

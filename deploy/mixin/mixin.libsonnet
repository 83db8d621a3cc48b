// The dashboards, alerts and recording rules as a monitoring mixin (https://monitoring.mixins.dev).
// dashboards/ and rules/ here are copies that `make generate` writes.
{
  _config+:: {
    // Tags of the dashboards.
    dashboardTags: (import 'dashboards/sanctum-slots.json').tags,
    // How often the dashboards of many runs ask, as a text of Grafana; sanctum-slots is for the eye.
    dashboardRefresh: '30s',
    // Labels that every alert has besides its severity, for the routes of Alertmanager.
    alertLabels: {},
    // Names of alerts that are not wanted.
    withoutAlerts: [],
    // Whether there are alerts on the alerting itself; kube-prometheus has such already.
    metaAlerts: false,
  },

  local config = $._config,

  local dashboard(document) = document {
    tags: config.dashboardTags,
    [if std.get(document, 'refresh') == '30s' then 'refresh']: config.dashboardRefresh,
  },

  grafanaDashboards+:: {
    'sanctum-slots.json': dashboard(import 'dashboards/sanctum-slots.json'),
    'sanctum-fleet.json': dashboard(import 'dashboards/sanctum-fleet.json'),
    'sanctum-compare.json': dashboard(import 'dashboards/sanctum-compare.json'),
    'sanctum-runbooks.json': dashboard(import 'dashboards/sanctum-runbooks.json'),
  },

  local groups(text) = std.parseYaml(text).groups,

  local wanted(group) = group {
    rules: [
      rule { labels+: config.alertLabels }
      for rule in super.rules
      if !std.member(config.withoutAlerts, rule.alert)
    ],
  },

  prometheusAlerts+:: {
    groups+: std.map(
      wanted,
      groups(importstr 'rules/alerts.yml')
      + (if config.metaAlerts then groups(importstr 'rules/meta.yml') else [])
    ),
  },

  prometheusRules+:: {
    groups+: groups(importstr 'rules/recording.yml'),
  },
}

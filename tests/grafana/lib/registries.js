// The registries that Grafana's application fills before it draws anything.
'use strict';

const data = require('@grafana/data');

const always = () => true;
const numeric = (field) => field.type === data.FieldType.number;

// Properties of a field that every panel has: name, how an override's value is read, where it applies.
const STANDARD = [
  ['color', data.identityOverrideProcessor, always],
  ['decimals', data.numberOverrideProcessor, numeric],
  ['displayName', data.displayNameOverrideProcessor, always],
  ['fieldMinMax', data.booleanOverrideProcessor, numeric],
  ['links', data.dataLinksOverrideProcessor, always],
  ['mappings', data.valueMappingsOverrideProcessor, always],
  ['max', data.numberOverrideProcessor, numeric],
  ['min', data.numberOverrideProcessor, numeric],
  ['noValue', data.stringOverrideProcessor, always],
  ['thresholds', data.thresholdsOverrideProcessor, always],
  ['unit', data.unitOverrideProcessor, always],
];

// Properties of one kind of panel, as far as the dashboards override them.
const CUSTOM = {
  table: ['align', 'cellOptions', 'minWidth', 'width'],
  timeseries: ['axisPlacement', 'fillOpacity', 'lineStyle'],
};

function item(id, path, isCustom, process, shouldApply) {
  const settings = {};
  return { id, path, name: id, isCustom, process, shouldApply, settings, editor: null, override: null };
}

function fill() {
  const properties = STANDARD.map(([id, process, shouldApply]) => item(id, id, false, process, shouldApply));
  for (const path of new Set(Object.values(CUSTOM).flat())) {
    properties.push(item(`custom.${path}`, path, true, data.identityOverrideProcessor, always));
  }
  data.standardFieldConfigEditorRegistry.setInit(() => properties);
  data.standardTransformersRegistry.setInit(() =>
    [...new Set(Object.values(data.standardTransformers))].map((transformer) => ({
      id: transformer.id,
      name: transformer.name,
      transformation: () => transformer,
    }))
  );
}

// Grafana passes over what it does not know without an error; here it is one.
function check(panel) {
  const reject = (what, id) => {
    throw new Error(`panel ${panel.id} '${panel.title}': unknown ${what} '${id}'`);
  };
  for (const { id, filter } of panel.transformations ?? []) {
    data.standardTransformersRegistry.getIfExists(id) ?? reject('transformation', id);
    if (filter) {
      reject('filter of a transformation', filter.id);
    }
  }
  const custom = (CUSTOM[panel.type] ?? []).map((path) => `custom.${path}`);
  const properties = new Set([...STANDARD.map(([id]) => id), ...custom]);
  for (const { matcher, properties: changes } of panel.fieldConfig?.overrides ?? []) {
    data.fieldMatchers.getIfExists(matcher.id) ?? reject('matcher', matcher.id);
    for (const { id } of changes) {
      properties.has(id) || reject('property of an override', id);
    }
  }
}

module.exports = { check, fill };

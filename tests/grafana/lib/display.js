// What Grafana displays of a panel, given its JSON and the answers to its queries.
'use strict';

const data = require('@grafana/data');
const { frames } = require('./frames');
const { check } = require('./registries');

const identity = (text) => text;

// Everything up to the panel's own drawing: transformations, then field configuration.
async function fields(panel, answers, theme) {
  check(panel);
  const raw = frames(panel.targets ?? [], answers);
  const transformed = await new Promise((resolve, reject) => {
    data.transformDataFrame(panel.transformations ?? [], raw).subscribe({ next: resolve, error: reject });
  });
  return data.applyFieldOverrides({
    data: transformed,
    fieldConfig: panel.fieldConfig,
    replaceVariables: identity,
    theme,
    timeZone: 'utc',
  });
}

// The values that a stat or bar gauge panel draws.
async function singleValues(panel, answers, theme) {
  return data.getFieldDisplayValues({
    data: await fields(panel, answers, theme),
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: identity,
    theme,
    timeZone: 'utc',
  });
}

async function display(panel, answers, theme) {
  switch (panel.type) {
    case 'stat':
    case 'bargauge':
      return { values: (await singleValues(panel, answers, theme)).map((value) => described(panel, value)) };
    case 'table':
      return { rows: (await fields(panel, answers, theme)).flatMap(tableRows) };
    case 'heatmap':
    case 'timeseries':
      return { series: (await fields(panel, answers, theme)).map(line) };
    case 'xychart':
      return { series: courses(panel, await fields(panel, answers, theme), theme).map(({ title, text, points }) => ({ title, text, at: points.map(([at]) => at) })) };
    default:
      throw new Error(`panel ${panel.id} '${panel.title}': nothing is known of panels of type '${panel.type}'`);
  }
}

function described(panel, { display: shown, field }) {
  const asName = panel.options.textMode === 'name';
  return {
    title: shown.title ?? '',
    text: asName ? shown.title ?? '' : data.formattedValueToString(shown),
    colour: shown.color && data.colorManipulator.asHexString(shown.color),
    ratio: panel.type === 'bargauge' ? ratio(shown.numeric, field) : null,
  };
}

// As a bar gauge scales its bars.
function ratio(value, { min, max }) {
  const share = Math.min((value - min) / (max - min), 1);
  return Number.isNaN(share) ? 0 : share;
}

function tableRows(frame) {
  return Array.from({ length: frame.length }, (_, row) =>
    Object.fromEntries(
      frame.fields.map((field) => {
        const shown = field.display(field.values[row]);
        const colour = shown.color && data.colorManipulator.asHexString(shown.color);
        return [data.getFieldDisplayName(field, frame), { text: data.formattedValueToString(shown), colour }];
      })
    )
  );
}

function line(frame) {
  const field = frame.fields.find(({ type }) => type === data.FieldType.number);
  const shown = field.display(field.values.at(-1));
  return {
    title: data.getFieldDisplayName(field, frame),
    text: data.formattedValueToString(shown),
    points: field.values.length,
  };
}

// What an xychart draws: every side's points, over the field that its mapping names.
function courses(panel, [frame], theme) {
  const named = (name) => frame?.fields.find((field) => data.getFieldDisplayName(field, frame) === name);
  return panel.options.series.flatMap(({ x, y }) => {
    const [at, drawn] = [x, y].map(({ matcher }) => named(matcher.options));
    if (!at || !drawn) {
      return [];
    }
    const points = at.values.map((value, index) => [value, drawn.values[index]]).filter((pair) => pair.every(Number.isFinite));
    const color = data.getFieldSeriesColor(drawn, theme).color;
    return [{ title: y.matcher.options, text: data.formattedValueToString(drawn.display(points.at(-1)?.[1])), points, color, at, drawn }];
  });
}

module.exports = { courses, display, fields, singleValues };

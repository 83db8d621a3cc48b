// Answers of Prometheus as the data frames that Grafana's data source makes of them.
'use strict';

const { createDataFrame, FieldType } = require('@grafana/data');

function frames(targets, answers) {
  return targets.flatMap((target) => {
    const { result } = answers[target.refId];
    return target.format === 'table' ? table(target, result, targets.length) : series(target, result);
  });
}

function series(target, result) {
  return result.map(({ metric, value, values }) => {
    const points = values ?? [value];
    return createDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          labels: metric,
          config: { displayNameFromDS: legend(target.legendFormat, metric) },
          values: points.map(([, text]) => number(text)),
        },
      ],
    });
  });
}

// As Grafana's server does it: a label that is missing leaves nothing.
function legend(format, labels) {
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

function table(target, result, targetCount) {
  if (result.length === 0) {
    return [];
  }
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map(({ value }) => value[0] * 1000) },
      ...labels.map((name) => ({
        name,
        type: FieldType.string,
        values: result.map(({ metric }) => metric[name] ?? ''),
      })),
      {
        name: targetCount > 1 ? `Value #${target.refId}` : 'Value',
        type: FieldType.number,
        values: result.map(({ value }) => number(value[1])),
      },
    ],
  });
}

function number(text) {
  return { '+Inf': Infinity, '-Inf': -Infinity }[text] ?? Number(text);
}

module.exports = { frames };

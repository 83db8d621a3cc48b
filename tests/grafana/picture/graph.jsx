// Lines over time: Grafana's graph builder, with the panel plugin's use of it reduced to what the dashboards have.
import * as data from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation, StackingMode } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, VizLegend } from '@grafana/ui';

const LEGEND_HEIGHT = 28;
const LEGEND_WIDTH = 170;

export function Graph({ panel, frames, width, height, theme }) {
  const custom = panel.fieldConfig.defaults.custom;
  const stacked = custom.stacking?.mode === StackingMode.Normal;
  const lines = frames.map((frame) => line(frame, theme));
  if (lines.length === 0) {
    return <div style={{ textAlign: 'center', paddingTop: height / 2 - 10 }}>{panel.fieldConfig.defaults.noValue}</div>;
  }
  const times = steps(lines.flatMap(({ times }) => times));
  const columns = stack(lines.map(({ points }) => times.map((time) => points.get(time) ?? null)), stacked);
  const builder = graph(panel, lines, times, stacked, theme);
  const { placement } = panel.options.legend;
  const right = placement === 'right';
  const size = right ? { width: width - LEGEND_WIDTH, height } : { width, height: height - LEGEND_HEIGHT };
  return (
    <div style={{ display: 'flex', flexDirection: right ? 'row' : 'column' }}>
      <UPlotChart config={builder} data={[times, ...columns]} timeRange={range(times)} {...size} />
      <VizLegend displayMode="list" placement={placement} items={lines.map(({ label, color }) => ({ label, color, yAxis: 1 }))} />
    </div>
  );
}

function line(frame, theme) {
  const time = frame.fields.find(({ type }) => type === data.FieldType.time);
  const field = frame.fields.find(({ type }) => type === data.FieldType.number);
  const times = time.values.slice();
  return {
    color: data.getFieldSeriesColor(field, theme).color,
    field,
    label: data.getFieldDisplayName(field, frame),
    points: new Map(times.map((at, index) => [at, field.values[index]])),
    times,
  };
}

// Every step from the first time to the last, so that a gap is drawn as one.
function steps(some) {
  const times = [...new Set(some)].sort((a, b) => a - b);
  const step = Math.min(...times.slice(1).map((time, index) => time - times[index]));
  const count = Math.round((times.at(-1) - times[0]) / step);
  return Number.isFinite(count) ? Array.from({ length: count + 1 }, (_, index) => times[0] + index * step) : times;
}

function stack(columns, stacked) {
  if (!stacked) {
    return columns;
  }
  const sums = columns[0].map(() => 0);
  return columns.map((column) => column.map((value, index) => (sums[index] += value ?? 0)));
}

function range(times) {
  const [from, to] = [times[0], times.at(-1)].map((time) => data.dateTime(time));
  return { from, to, raw: { from, to } };
}

function graph(panel, lines, times, stacked, theme) {
  const { defaults } = panel.fieldConfig;
  const builder = new UPlotConfigBuilder('utc');
  builder.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: [times[0], times.at(-1)],
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme });
  const seen = new Set();
  lines.forEach(({ color, field }, index) => {
    const custom = { ...defaults.custom, ...field.config.custom };
    const scaleKey = field.config.unit;
    if (!seen.has(scaleKey)) {
      const { min, max } = field.config;
      const softMax = custom.axisSoftMax;
      builder.addScale({ scaleKey, orientation: ScaleOrientation.Vertical, direction: ScaleDirection.Up, min, max, softMax });
      builder.addAxis({
        scaleKey,
        formatValue: (value, decimals) => data.formattedValueToString(field.display(value, decimals)),
        placement: custom.axisPlacement === 'right' ? AxisPlacement.Right : AxisPlacement.Left,
        theme,
      });
      const { thresholds } = field.config;
      if (seen.size === 0 && custom.thresholdsStyle) {
        builder.addThresholds({ config: custom.thresholdsStyle, hardMax: max, hardMin: min, scaleKey, theme, thresholds });
      }
      seen.add(scaleKey);
    }
    builder.addSeries({ ...custom, dataFrameFieldIndex: { fieldIndex: 1, frameIndex: index }, lineColor: color, pxAlign: true, scaleKey, theme });
    if (stacked && index > 0) {
      builder.addBand({ series: [index + 1, index] });
    }
  });
  return builder;
}

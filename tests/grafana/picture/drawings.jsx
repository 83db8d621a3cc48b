// Panels as Grafana's own panel plugins put its components together.
import * as data from '@grafana/data';
import { BarGauge, BigValue, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { Cells, Courses } from './cells';
import { Graph } from './graph';

const display = require('../lib/display');

const LCD_SPACING = 2;
const DRAWN = ['bargauge', 'stat', 'table'];

function Note({ height, children }) {
  return <div style={{ textAlign: 'center', paddingTop: height / 2 - 10 }}>{children}</div>;
}

// Returns a function that draws a panel of some size.
export async function drawing(panel, answers, theme) {
  if (panel.type === 'timeseries') {
    const frames = await display.fields(panel, answers, theme);
    return (width, height) => <Graph panel={panel} frames={frames} width={width} height={height} theme={theme} />;
  }
  if (panel.type === 'heatmap') {
    const frames = await display.fields(panel, answers, theme);
    return (width, height) => <Cells panel={panel} frames={frames} width={width} height={height} theme={theme} />;
  }
  if (panel.type === 'xychart') {
    const lines = display.courses(panel, await display.fields(panel, answers, theme), theme);
    return (width, height) => <Courses panel={panel} lines={lines} width={width} height={height} theme={theme} />;
  }
  if (!DRAWN.includes(panel.type)) {
    return (width, height) => <Note height={height}>only in Grafana</Note>;
  }
  if (panel.type === 'table') {
    const [frame] = await display.fields(panel, answers, theme);
    if (!frame?.length) {
      return (width, height) => <Note height={height}>{panel.fieldConfig.defaults.noValue}</Note>;
    }
    data.cacheFieldDisplayNames([frame]);
    const sortBy = panel.options.sortBy ?? [];
    return (width, height) => (
      <TableNG cellHeight="sm" data={frame} fieldConfig={panel.fieldConfig} height={height} initialSortBy={sortBy} structureRev={1} width={width} />
    );
  }
  const values = await display.singleValues(panel, answers, theme);
  const draw = { bargauge: bar, stat: number }[panel.type];
  const repeated = { bargauge: { itemSpacing: LCD_SPACING, maxVizHeight: 300, minVizHeight: 16, minVizWidth: 8 } };
  return (width, height) => (
    <VizRepeater
      {...repeated[panel.type]}
      autoGrid={panel.type === 'stat'}
      getAlignmentFactors={data.getDisplayValueAlignmentFactors}
      getValues={() => values}
      height={height}
      orientation={panel.options.orientation}
      renderCounter={0}
      renderValue={(item) => draw(panel.options, item, theme)}
      source={values}
      width={width}
    />
  );
}

function bar(options, { value, count, ...size }, theme) {
  const { field, display: shown, view, colIndex } = value;
  const lone = count === 1 && !field.displayName;
  return (
    <BarGauge
      {...size}
      display={view?.getFieldDisplayProcessor(colIndex) ?? null}
      displayMode={options.displayMode}
      field={field}
      itemSpacing={LCD_SPACING}
      namePlacement={options.namePlacement}
      showUnfilled={options.showUnfilled}
      text={options.text}
      theme={theme}
      value={lone ? { ...shown, title: undefined } : shown}
      valueDisplayMode={options.valueMode}
    />
  );
}

function number(options, { value, ...size }, theme) {
  return (
    <BigValue
      {...size}
      colorMode={options.colorMode}
      graphMode={options.graphMode}
      justifyMode={options.justifyMode}
      text={options.text}
      textMode={options.textMode}
      theme={theme}
      value={value.display}
      wideLayout={options.wideLayout}
    />
  );
}

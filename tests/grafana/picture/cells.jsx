// Heatmaps and courses: both panels are the application's, so these are drawings of the harness with the panel's data.
import * as data from '@grafana/data';

const AXIS = 60;
const LEGEND = 24;

function Empty({ panel, height }) {
  return <div style={{ textAlign: 'center', paddingTop: height / 2 - 10 }}>{panel.fieldConfig.defaults.noValue}</div>;
}

export function Cells({ panel, frames, width, height, theme }) {
  if (frames.length === 0) {
    return <Empty panel={panel} height={height} />;
  }
  const rows = frames
    .map((frame) => ({ name: data.getFieldDisplayName(frame.fields[1], frame), times: frame.fields[0].values, counts: frame.fields[1].values }))
    .sort((a, b) => Number(b.name) - Number(a.name));
  const times = [...new Set(rows.flatMap((row) => row.times))].sort((a, b) => a - b);
  const most = Math.max(...rows.flatMap((row) => row.counts));
  const colour = theme.visualization.getColorByName(panel.options.color.fill);
  const [cellWidth, cellHeight] = [(width - AXIS) / times.length, (height - LEGEND) / rows.length];
  return (
    <svg width={width} height={height} fontSize={11} fill={theme.colors.text.primary}>
      {rows.map((row, y) => (
        <g key={row.name}>
          <text x={AXIS - 6} y={y * cellHeight + cellHeight / 2 + 4} textAnchor="end">{row.name}</text>
          {row.times.map((time, index) => {
            const opacity = row.counts[index] <= 0 ? 0 : (row.counts[index] / most) ** panel.options.color.exponent;
            const x = AXIS + times.indexOf(time) * cellWidth;
            return <rect key={time} x={x} y={y * cellHeight} width={Math.max(cellWidth - 1, 1)} height={cellHeight - 1} fill={colour} opacity={opacity} />;
          })}
        </g>
      ))}
    </svg>
  );
}

export function Courses({ panel, lines, width, height, theme }) {
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) {
    return <Empty panel={panel} height={height} />;
  }
  const [right, top] = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])) || 1);
  const x = (value) => AXIS + (value / right) * (width - AXIS - 8);
  const y = (value) => (height - 2 * LEGEND) * (1 - value / top) + 6;
  const { at, drawn } = lines[0];
  const shown = (field, value) => data.formattedValueToString(field.display(value));
  return (
    <svg width={width} height={height} fontSize={11} fill={theme.colors.text.primary}>
      {[0, 0.5, 1].map((share) => (
        <g key={share}>
          <line x1={AXIS} x2={width} y1={y(share * top)} y2={y(share * top)} stroke={theme.colors.border.weak} />
          <text x={AXIS - 4} y={y(share * top) + 4} textAnchor="end">{shown(drawn, share * top)}</text>
          <text x={x(share * right)} y={height - LEGEND - 6} textAnchor={share === 1 ? 'end' : 'middle'}>{shown(at, share * right)}</text>
        </g>
      ))}
      {lines.map((line, index) => (
        <g key={line.title}>
          {line.points.map((point, number) => <circle key={number} cx={x(point[0])} cy={y(point[1])} r={2} fill={line.color} />)}
          <polyline fill="none" stroke={line.color} strokeWidth={2} points={line.points.map((point) => `${x(point[0])},${y(point[1])}`).join(' ')} />
          <rect x={AXIS + index * 60} y={height - 14} width={14} height={4} fill={line.color} />
          <text x={AXIS + index * 60 + 20} y={height - 8}>{line.title}</text>
        </g>
      ))}
    </svg>
  );
}

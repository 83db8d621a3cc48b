// The page that is photographed: panels of a dashboard on its grid, drawn by Grafana's components.
import * as data from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PanelChrome, PortalContainer, ThemeContext } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { drawing } from './drawings';

const registries = require('../lib/registries');

// Of Grafana's dashboard grid.
const ROW_HEIGHT = 30;
const GAP = 8;

function Page({ drawn, theme, width }) {
  const column = (width + GAP) / 24;
  const bottom = Math.max(...drawn.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  const top = Math.min(...drawn.map(({ panel: { gridPos } }) => gridPos.y));
  const place = ({ x, y, w, h }) => ({
    left: x * column,
    top: (y - top) * (ROW_HEIGHT + GAP),
    width: w * column - GAP,
    height: h * (ROW_HEIGHT + GAP) - GAP,
  });
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PortalContainer />
      <div style={{ position: 'relative', margin: 16, width, height: (bottom - top) * (ROW_HEIGHT + GAP) - GAP }}>
        {drawn.map(({ panel, draw }) => {
          const { left, top: y, width: w, height } = place(panel.gridPos);
          return (
            <div key={panel.id} style={{ position: 'absolute', left, top: y, width: w, height }}>
              {panel.type === 'row' ? (
                <div style={{ ...theme.typography.h5, paddingTop: 4 }}>⌄ {panel.title}</div>
              ) : (
                <PanelChrome width={w} height={height} title={panel.title} padding="md">
                  {(innerWidth, innerHeight) => draw(innerWidth, innerHeight, theme)}
                </PanelChrome>
              )}
            </div>
          );
        })}
      </div>
    </ThemeContext.Provider>
  );
}

async function main() {
  const { panels, theme: mode, width } = window.picture;
  registries.fill();
  await initPluginTranslations('grafana-ui');
  const theme = data.createTheme({ colors: { mode } });
  const drawn = [];
  for (const { panel, answers } of panels) {
    drawn.push({ panel, draw: panel.type === 'row' ? null : await drawing(panel, answers, theme) });
  }
  await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 14px Inter`)));
  createRoot(document.getElementById('page')).render(<Page drawn={drawn} theme={theme} width={width} />);
}

main().catch((error) => {
  document.title = `failed: ${error.message}`;
  document.body.textContent = error.stack;
});

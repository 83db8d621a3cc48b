// Reads requests from standard input, a JSON document a line, and answers each with a line:
//   {"palette": ["green", …], "theme": "dark"}        -> {"palette": {"green": "#73bf69", …}}
//   {"panel": {…}, "answers": {"A": {…}}, "theme": …}  -> {"values": …}, {"rows": …} or {"series": …}
// A request that cannot be answered is answered with {"error": "…"}.
'use strict';

// The library reads navigator when it is loaded, and window (which must come later) when it transforms.
if (!globalThis.navigator?.language) {
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    value: { language: 'en-US', languages: ['en-US'] },
  });
}
const data = require('@grafana/data');
globalThis.window = {};

const readline = require('node:readline');
const { display } = require('./lib/display');
const registries = require('./lib/registries');

const themes = {
  dark: data.createTheme({ colors: { mode: 'dark' } }),
  light: data.createTheme({ colors: { mode: 'light' } }),
};

async function answer({ panel, answers, palette, theme: name }) {
  const theme = themes[name];
  if (palette) {
    const hex = (colour) => data.colorManipulator.asHexString(theme.visualization.getColorByName(colour));
    return { palette: Object.fromEntries(palette.map((colour) => [colour, hex(colour)])) };
  }
  return display(panel, answers, theme);
}

async function main() {
  registries.fill();
  // Only answers belong on standard output.
  console.log = console.info = console.warn = console.error;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const answered = await answer(JSON.parse(line)).catch((error) => ({ error: String(error.message) }));
    process.stdout.write(`${JSON.stringify(answered)}\n`);
  }
}

main();

// Bundles the page into the folder that it is given, with the font that Grafana's styles name.
'use strict';

const esbuild = require('esbuild');
const fs = require('node:fs');
const path = require('node:path');

const [folder] = process.argv.slice(2);
const fonts = path.join(folder, 'public', 'fonts', 'inter');
fs.mkdirSync(fonts, { recursive: true });
for (const face of ['Regular', 'Medium']) {
  fs.copyFileSync(require.resolve(`inter-ui/web/Inter-${face}.woff2`), path.join(fonts, `Inter-${face}.woff2`));
}
esbuild.buildSync({
  bundle: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  entryPoints: [path.join(__dirname, 'page.jsx')],
  format: 'iife',
  jsx: 'automatic',
  loader: { '.ttf': 'empty' },
  logLevel: 'error',
  minify: true,
  outfile: path.join(folder, 'page.js'),
});

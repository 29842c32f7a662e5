// Asks linguist-js about the files of a list, all in one call, as it is meant to be used.
//
//   node linguist.mjs FOLDER-WITH-node_modules LIST ANSWERS
//
// LIST has a line for each file: root, path below it and language, with tabs between. ANSWERS gets
// a line for each with what was told, and the figures go to the output as JSON. The data are those
// of the package (`offline`): nothing is fetched, and every run is the same.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { performance } from 'node:perf_hooks';

const [home, list, answers] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(home, 'x.js')));
const { default: linguist } = await import(pathToFileURL(require.resolve('linguist-js')));

const files = readFileSync(list, 'utf8').split('\n').filter(Boolean).map((line) => line.split('\t'));
const start = performance.now();
const contents = {};
files.forEach(([root, path], index) => {
  contents[`p${index}/${path}`] = readFileSync(join(root, path), 'utf8');
});
const options = { offline: true, childLanguages: true, keepVendored: true, keepBinary: true, calculateLines: false };
const { files: told } = await linguist.analyseRawContent(contents, options);
const seconds = (performance.now() - start) / 1e3;
const byIndex = new Map(Object.entries(told.results).map(([path, language]) => [Number(/p(\d+)\//.exec(path)[1]), language]));
writeFileSync(answers, files.map((_, index) => byIndex.get(index) ?? '').join('\n') + '\n');
console.log(JSON.stringify({ files: files.length, files_per_second: files.length / seconds, p50_us: null, p95_us: null }));

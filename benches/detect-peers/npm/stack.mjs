// Asks @specfy/stack-analyser about the unpacked projects of the labels and counts, per key, which
// of the labelled tools it names. It knows technologies and no keys: what it names is held against
// the labels of every part of a project, under the names in NAMES, and only recall is counted,
// since a technology that no label asks about (a language, a service) is not wrong.
//
//   node stack.mjs FOLDER-WITH-node_modules LABELS TREES OURS
//
// LABELS is labels.toml as JSON, TREES holds a folder for each project, and OURS maps a project's
// name to what ours finds, as KEY:ID. `cargo xtask detect-corpus --peers` makes them all from the
// fixtures: the trees hold the texts that ours reads, and empty files for the rest.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { performance } from 'node:perf_hooks';

const [home, labelsPath, trees, ourPath] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(home, 'x.js')));
const main = require.resolve('@specfy/stack-analyser');
const { analyser, FSProvider } = await import(pathToFileURL(main));
await import(pathToFileURL(join(main, '..', 'autoload.js')));

// Our name, where theirs is another.
const NAMES = { 'coverage.py': 'coveragepy', cargo: 'rust', 'go-test': 'golang', go: 'golang' };
const KEYS = ['package_manager', 'build', 'test', 'coverage', 'formatter', 'linter', 'type_checker', 'framework', 'monorepo'];
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const labels = read(labelsPath).project;
const ours = read(ourPath);

const score = {};
const times = [];
for (const project of labels) {
  const start = performance.now();
  const result = await analyser({ provider: new FSProvider({ path: join(trees, project.name) }) });
  times.push(performance.now() - start);
  const theirs = new Set();
  const collect = (node) => {
    node.techs.forEach((tech) => theirs.add(tech));
    if (node.tech) theirs.add(node.tech);
    Object.keys(node.languages ?? {}).forEach((language) => theirs.add(language.toLowerCase()));
    node.childs?.forEach(collect);
  };
  collect(result.toJson ? result.toJson() : result);
  const said = new Set(ours[project.name]);
  for (const part of project.part) {
    for (const key of KEYS) {
      for (const id of part[key] ?? []) {
        const at = (score[key] ??= { labels: 0, theirs: 0, ours: 0 });
        at.labels += 1;
        const name = NAMES[id] ?? id;
        const spelt = [id, name, id.replaceAll('-', ''), id.replaceAll('-', '_'), `${part.ecosystem}.${id}`, `npm.${id}`];
        if (spelt.some((spelling) => theirs.has(spelling))) at.theirs += 1;
        if (said.has(`${key}:${id}`)) at.ours += 1;
      }
    }
  }
}
console.log('recall            labels  theirs    ours');
for (const key of KEYS) {
  const { labels: all, theirs, ours: own } = score[key];
  console.log(`${key.padEnd(16)} ${String(all).padStart(7)} ${(theirs / all).toFixed(3).padStart(7)} ${(own / all).toFixed(3).padStart(7)}`);
}
times.sort((a, b) => a - b);
const at = (share) => times[Math.floor((times.length - 1) * share)].toFixed(1);
console.log(`theirs, with reading the files: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`);

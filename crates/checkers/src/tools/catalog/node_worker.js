// Holds a project's ESLint or Prettier: one line asks, one line answers.
// Whatever is out of the ordinary is left to the tool itself, started for the question: `cold` says why.
"use strict";

const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const answer = process.stdout.write.bind(process.stdout);
// What a configuration or a plugin prints is no answer.
process.stdout.write = process.stderr.write.bind(process.stderr);

let tool;

function option(asked, name) {
  const word = asked.arguments.find((argument) => argument.startsWith(name));
  return path.resolve(word.slice(name.length));
}

async function eslint(asked) {
  if (!tool) {
    const { loadESLint } = createRequire(asked.executable)("eslint");
    const ESLint = await loadESLint({ useFlatConfig: true });
    tool = new ESLint({ cwd: process.cwd() });
  }
  const filePath = option(asked, "--stdin-filename=");
  const results = await tool.lintText(asked.stdin, { filePath, warnIgnored: true });
  const hasErrors = results.some((result) => result.errorCount > 0);
  return { exit: hasErrors ? 1 : 0, stdout: JSON.stringify(results), stderr: "" };
}

async function prettier(asked) {
  tool ??= createRequire(asked.executable)("prettier");
  const filepath = option(asked, "--stdin-filepath=");
  await tool.clearConfigCache();
  const options = await tool.resolveConfig(filepath, { editorconfig: true });
  const ignorePath = [".gitignore", ".prettierignore"];
  const info = await tool.getFileInfo(filepath, { ...options, ignorePath });
  if (info.ignored || !info.inferredParser) {
    return { cold: "it does not format the file" };
  }
  const stdout = await tool.format(asked.stdin, { ...options, filepath });
  return { exit: 0, stdout, stderr: "" };
}

async function main() {
  const tools = { eslint, prettier };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let said;
    try {
      said = await tools[asked.tool](asked);
    } catch (error) {
      said = { cold: String(error) };
    }
    answer(`${JSON.stringify({ id: asked.id, ...said })}\n`);
  }
}

main();

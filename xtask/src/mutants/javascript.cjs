// Says of each file named on standard input whether a reference of its language accepts it.
// A file comes before its mutants: what the file itself is accepted with, they are asked with.
"use strict";

const fs = require("node:fs");
const babel = require("@babel/parser");
const json5 = require("json5");
const jsonc = require("jsonc-parser");
const yaml = require("yaml");
const ts = require("typescript");

// Codes below are of the grammar; those above, of types.
const GRAMMAR_CODE_MAX = 2000;

function babelSettings(path, kind) {
  const plugins = ["explicitResourceManagement", "decoratorAutoAccessors"];
  if (kind !== "JavaScript") plugins.push(["typescript", { dts: /\.d\.[cm]?ts$/.test(path) }]);
  if (kind !== "TypeScript") plugins.push("jsx");
  const sourceTypes = /\.c[jt]s$/.test(path) ? ["script"] : /\.m[jt]s$/.test(path) ? ["module"] : ["unambiguous", "script"];
  const decorators = [["decorators", { allowCallParenthesized: false }], "decorators-legacy"];
  return sourceTypes.flatMap((sourceType) =>
    decorators.map((decorator) => ({
      sourceType,
      plugins: [...plugins, decorator],
      allowReturnOutsideFunction: /\.c[jt]s$/.test(path),
    })),
  );
}

function byBabel(text, settings) {
  try {
    babel.parse(text, settings);
    return true;
  } catch {
    return false;
  }
}

// The codes of all grammar errors; those that only the checker finds may be left out.
function grammarCodes(path, text, experimentalDecorators, isWhole = true) {
  const options = {
    noLib: true,
    noResolve: true,
    types: [],
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    jsx: ts.JsxEmit.Preserve,
    experimentalDecorators,
  };
  const file = ts.createSourceFile(path, text, options.target, true);
  const host = {
    getSourceFile: (name) => (name === path ? file : undefined),
    getDefaultLibFileName: () => "lib.d.ts",
    writeFile: () => {},
    getCurrentDirectory: () => "/",
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
    fileExists: (name) => name === path,
    readFile: () => undefined,
  };
  const program = ts.createProgram([path], options, host);
  const found = [...program.getSyntacticDiagnostics(file)];
  if (isWhole) found.push(...program.getSemanticDiagnostics(file));
  return found.map((it) => it.code).filter((code) => code < GRAMMAR_CODE_MAX);
}

function data(kind, text) {
  if (kind === "JSON5") {
    json5.parse(text);
    return true;
  }
  if (kind === "YAML") return yaml.parseAllDocuments(text).every((it) => it.errors.length === 0);
  const errors = [];
  jsonc.parse(text, errors, { allowTrailingComma: true });
  return errors.length === 0;
}

let asked = [];
let tolerated = [];
let legacy = false;

function script(path, kind, name, text) {
  const isTyped = kind !== "JavaScript";
  if (name === "original") {
    asked = babelSettings(path, kind).filter((settings) => byBabel(text, settings));
    legacy = isTyped && grammarCodes(path, text, false).length > grammarCodes(path, text, true).length;
    tolerated = isTyped ? grammarCodes(path, text, legacy) : [];
    return asked.length > 0 || (isTyped && grammarCodes(path, text, legacy, false).length === 0);
  }
  if (asked.some((settings) => byBabel(text, settings))) return true;
  return isTyped && grammarCodes(path, text, legacy).every((code) => tolerated.includes(code));
}

for (const line of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const [path, kind, name] = line.split("\t");
  const text = fs.readFileSync(path, "utf8");
  let accepted = false;
  try {
    accepted = /Script|TSX/.test(kind) ? script(path, kind, name, text) : data(kind, text);
  } catch {
    accepted = false;
  }
  console.log(accepted ? 1 : 0);
}

//! JavaScript and TypeScript: what is in quotes and leads to a file, relative or as the name of a package.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::index::{Index, folder, joined, last};
use super::scan::{self, Quoted};
use super::{File, Links};

/// What may be left out at the end of a path, in the order of a resolver.
const ENDINGS: &[&str] = &[
    "",
    ".ts",
    ".tsx",
    ".mts",
    ".cts",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".d.ts",
    ".json",
    ".vue",
    ".svelte",
    ".astro",
    "/index.ts",
    "/index.tsx",
    "/index.mts",
    "/index.cts",
    "/index.js",
    "/index.jsx",
    "/index.mjs",
    "/index.cjs",
    "/index.d.ts",
    "/index.json",
    "/index.vue",
    "/package.json",
];

/// Functions whose first argument is what an import would name.
const CALLS: &[&str] = &[
    "createMockFromModule",
    "deepUnmock",
    "doMock",
    "dontMock",
    "genMockFromModule",
    "hoisted",
    "import",
    "importActual",
    "importMock",
    "mock",
    "register",
    "require",
    "requireActual",
    "requireMock",
    "resolve",
    "setMock",
    "unmock",
];

/// What makes a file import more than it names.
const COMPUTED: &[&str] = &[
    "import.meta.glob",
    "require.context",
    "readdirSync",
    "createRequire",
];

const BUILTINS: &[&str] = &[
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The packages of the workspace, and those that they depend on.
#[derive(Debug)]
pub(super) struct Packages<'a> {
    /// The manifests by the names in them.
    own: BTreeMap<String, Vec<(&'a str, Vec<String>)>>,
    foreign: BTreeSet<String>,
}

impl<'a> Packages<'a> {
    pub(super) fn new(files: &'a [File<'a>]) -> Self {
        let mut packages = Self {
            own: BTreeMap::new(),
            foreign: BTreeSet::new(),
        };
        for file in files
            .iter()
            .filter(|file| last(file.path) == "package.json")
        {
            let manifest: Value =
                serde_json::from_str(file.text.unwrap_or_default()).unwrap_or_default();
            if let Some(name) = manifest.get("name").and_then(Value::as_str) {
                let mut entries = Vec::new();
                for key in [
                    "main", "module", "browser", "types", "exports", "imports", "bin", "source",
                ] {
                    strings(manifest.get(key), &mut entries);
                }
                let named = packages.own.entry(name.to_owned()).or_default();
                named.push((folder(file.path), entries));
            }
            for key in [
                "dependencies",
                "devDependencies",
                "peerDependencies",
                "optionalDependencies",
            ] {
                let names = manifest.get(key).and_then(Value::as_object);
                packages
                    .foreign
                    .extend(names.into_iter().flatten().map(|(name, _)| name.clone()));
            }
        }
        packages
    }
}

/// The texts in a value, however deep.
fn strings(value: Option<&Value>, to: &mut Vec<String>) {
    let mut values: Vec<&Value> = value.into_iter().collect();
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) => to.push(text.clone()),
            Value::Array(items) => values.extend(items),
            Value::Object(items) => values.extend(items.values()),
            _ => {}
        }
    }
}

pub(super) fn links(at: usize, index: &Index<'_>, links: &mut Links) {
    let (path, text) = (index.path(at), index.text(at).unwrap_or_default());
    index.add_strings(at, text, links);
    for quoted in scan::quoted(text) {
        let name = quoted.text;
        if name == "." || name.starts_with("./") || name.starts_with("..") {
            add_path(folder(path), name, index, links);
        } else if is_imported(text, quoted) && !name.contains("${") {
            add_package(name, index, links);
        }
    }
    if COMPUTED.iter().any(|it| text.contains(it)) || has_computed_import(text) {
        links.opaque.get_or_insert("it imports what it computes");
    }
    let snapshot = format!("__snapshots__/{}.snap", last(path));
    links
        .to
        .extend(joined(folder(path), &snapshot).and_then(|it| index.find(&it)));
    // What stands in for a module lies beside it.
    let stand_in = format!("__mocks__/{}", last(path));
    links
        .to
        .extend(joined(folder(path), &stand_in).and_then(|it| index.find(&it)));
}

fn is_imported(text: &str, quoted: Quoted<'_>) -> bool {
    let (word, is_call) = scan::word_before(text, quoted.at);
    if is_call {
        CALLS.contains(&word)
    } else {
        matches!(word, "from" | "import")
    }
}

/// Whether a call imports something that is not in quotes.
fn has_computed_import(text: &str) -> bool {
    ["import", "require"].iter().any(|word| {
        scan::words(text, word).any(|at| {
            let Some(argument) = text[at + word.len()..].trim_start().strip_prefix('(') else {
                return false;
            };
            let argument = scan::after_space(argument);
            match argument.chars().next() {
                Some(')') | None => false,
                Some(quote @ ('"' | '\'' | '`')) => !is_plain(&argument[1..], quote),
                Some(_) => true,
            }
        })
    })
}

/// Whether an argument behind its opening quote is one literal that nothing is put into or added to.
fn is_plain(argument: &str, quote: char) -> bool {
    argument.split_once(quote).is_some_and(|(inside, rest)| {
        let rest = scan::after_space(rest);
        !inside.contains("${") && rest.starts_with([')', ','])
    })
}

/// The files that a path names from a folder.
fn add_path(folder: &str, name: &str, index: &Index<'_>, links: &mut Links) {
    let name = name.split(['?', '#']).next().unwrap_or(name);
    let Some(path) = joined(folder, name) else {
        return;
    };
    for path in spellings(&path) {
        links.to.extend(index.find(&path));
    }
}

/// The ways in which a path may be meant.
fn spellings(path: &str) -> Vec<String> {
    let mut spellings: Vec<String> = ENDINGS
        .iter()
        .map(|ending| format!("{path}{ending}"))
        .collect();
    // A compiled name stands for its source.
    for (compiled, sources) in [
        (".js", &[".ts", ".tsx"][..]),
        (".jsx", &[".tsx"]),
        (".mjs", &[".mts"]),
        (".cjs", &[".cts"]),
    ] {
        if let Some(stem) = path.strip_suffix(compiled) {
            spellings.extend(sources.iter().map(|source| format!("{stem}{source}")));
        }
    }
    spellings
        .iter()
        .map(|it| it.trim_start_matches('/').to_owned())
        .collect()
}

/// What an import names that is not relative.
fn add_package(name: &str, index: &Index<'_>, links: &mut Links) {
    let packages = &index.scripts;
    let mut parts = name.splitn(3, '/');
    let mut package = parts.next().unwrap_or_default().to_owned();
    if package.starts_with('@')
        && let Some(second) = parts.next()
    {
        package = format!("{package}/{second}");
    }
    let rest = name
        .strip_prefix(&package)
        .unwrap_or_default()
        .trim_start_matches('/');
    if let Some(own) = packages.own.get(&package) {
        for (folder, entries) in own {
            if rest.is_empty() {
                add_path(folder, "./", index, links);
                for entry in entries {
                    add_path(folder, entry, index, links);
                }
                add_path(folder, "src", index, links);
            }
        }
        if !rest.is_empty() {
            add_ending(rest, index, links);
        }
        return;
    }
    for ending in ["", ".ts", ".js", ".tsx", ".jsx", ".mjs", ".cjs"] {
        links
            .to
            .extend(index.ending(&format!("__mocks__/{name}{ending}")));
    }
    let is_foreign = packages.foreign.contains(&package)
        || packages.foreign.contains(&format!("@types/{package}"))
        || name.starts_with("node:")
        || name.starts_with("data:")
        || BUILTINS.contains(&package.as_str());
    if is_foreign {
        return;
    }
    let plain = name.trim_start_matches(['@', '~', '#', '$', '/']);
    let mut is_found = add_ending(plain, index, links);
    if let Some((_, below)) = plain.split_once('/') {
        is_found |= add_ending(below, index, links);
    }
    if !is_found {
        links
            .opaque
            .get_or_insert("it imports a name that leads to no file and to no package");
    }
}

/// The files whose paths end so, in any spelling.
fn add_ending(tail: &str, index: &Index<'_>, links: &mut Links) -> bool {
    let before = links.to.len();
    for spelling in spellings(tail) {
        links.to.extend(index.ending(&spelling));
    }
    links.to.len() > before
}

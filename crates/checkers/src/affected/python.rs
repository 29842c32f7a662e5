//! Python: names of modules behind `import` and `from`, and dotted names in quotes.

use super::Links;
use super::index::{Index, folder, joined};
use super::scan;

/// What makes a file import what it does not name.
const COMPUTED: &[&str] = &[
    "entry_points(",
    "exec(",
    "find_spec(",
    "iter_modules(",
    "module_from_spec(",
    "run_path(",
    "spec_from_file_location(",
    "walk_packages(",
];

/// The most names of one `from` that are looked at.
const NAMES_MAX: usize = 2_000;

pub(super) fn links(at: usize, index: &Index<'_>, links: &mut Links) {
    let (path, text) = (index.path(at), index.text(at).unwrap_or_default());
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    index.add_strings(at, &text, links);
    for quoted in scan::quoted(&text) {
        // `mock.patch("a.b.c")`, `pytest_plugins = ["a.b"]`, `import_module("a")`.
        let name = quoted.text.trim_start_matches('.');
        if name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b':'))
        {
            let (word, is_call) = scan::word_before(&text, quoted.at);
            let is_import = is_call
                && matches!(
                    word,
                    "import_module" | "__import__" | "importorskip" | "run_module"
                );
            if name.contains('.') || is_import || is_started(&text[..quoted.at]) {
                add_module(name.split(':').next().unwrap_or(name), index, links);
            }
        }
    }
    for import in scan::words(&text, "import") {
        add_import(&text, import, path, index, links);
    }
    for word in ["import_module", "__import__", "run_module"] {
        let is_computed = scan::words(&text, word).any(|at| {
            let argument = text[at + word.len()..].trim_start().strip_prefix('(');
            argument.is_some_and(is_computed)
        });
        if is_computed {
            links.opaque.get_or_insert("it imports what it computes");
        }
    }
    if COMPUTED.iter().any(|it| text.contains(it)) {
        links
            .opaque
            .get_or_insert("it runs code that it does not name");
    }
    add_parents(path, index, links);
}

/// Whether the text ends where a program is told which module to start: `"-m", `.
fn is_started(text: &str) -> bool {
    let option = text.trim_end().strip_suffix(',').map(str::trim_end);
    option.is_some_and(|it| it.ends_with("\"-m\"") || it.ends_with("'-m'"))
}

/// Whether an argument is anything but one plain literal.
fn is_computed(argument: &str) -> bool {
    let argument = argument.trim_start();
    let Some(quote) = argument
        .chars()
        .next()
        .filter(|it| matches!(it, '"' | '\''))
    else {
        return true;
    };
    let Some((inside, rest)) = argument[1..].split_once(quote) else {
        return true;
    };
    inside.contains(['{', '%']) || !rest.trim_start().starts_with([')', ','])
}

/// `import a.b as c, d` and `from .a import (b, c as d)`, of which the word `import` is given.
fn add_import(text: &str, at: usize, path: &str, index: &Index<'_>, links: &mut Links) {
    let line = text[..at].rfind(['\n', ';']).map_or(0, |it| it + 1);
    let head = &text[line..at];
    let rest = text[at + "import".len()..].trim_start_matches([' ', '\t']);
    let from = scan::words(head, "from").last();
    let names = match rest.strip_prefix('(') {
        Some(inner) => inner.split(')').next().unwrap_or(inner),
        None => rest.lines().next().unwrap_or(rest),
    };
    let names = names
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or(line).split(','));
    let names = names
        .filter_map(|name| name.split_whitespace().next())
        .take(NAMES_MAX);
    let Some(from) = from else {
        for name in names {
            add_module(name.trim_end_matches([';', ')']), index, links);
        }
        return;
    };
    let module = head[from + "from".len()..].trim();
    let names: Vec<&str> = names.collect();
    let plain = module.trim_start_matches('.');
    let dots = module.len() - plain.len();
    if dots == 0 {
        add_module(module, index, links);
        for name in names {
            add_module(&format!("{module}.{name}"), index, links);
        }
        return;
    }
    let up = format!("{}{}", "../".repeat(dots - 1), plain.replace('.', "/"));
    let Some(base) = joined(folder(path), &up) else {
        return;
    };
    add_file(&base, index, links);
    for name in names {
        let below = if base.is_empty() {
            name.to_owned()
        } else {
            format!("{base}/{name}")
        };
        add_file(&below, index, links);
    }
}

/// The module of a path below the root, as a file or as a package.
fn add_file(path: &str, index: &Index<'_>, links: &mut Links) {
    for ending in [".py", ".pyi", "/__init__.py", "/__init__.pyi"] {
        let path = format!("{path}{ending}");
        if let Some(found) = index.find(path.trim_start_matches('/')) {
            links.to.insert(found);
            add_parents(index.path(found), index, links);
        }
    }
}

/// Every module that a dotted name may mean, from any folder, and those that its beginnings mean.
pub(super) fn add_module(name: &str, index: &Index<'_>, links: &mut Links) {
    let mut name = name.trim_matches('.');
    while !name.is_empty() {
        let path = name.replace('.', "/");
        for ending in [
            ".py",
            ".pyi",
            "/__init__.py",
            "/__init__.pyi",
            "/__main__.py",
        ] {
            for found in index.ending(&format!("{path}{ending}")) {
                links.to.insert(found);
                add_parents(index.path(found), index, links);
            }
        }
        name = name.rsplit_once('.').map_or("", |(head, _)| head);
    }
}

/// What is run before a module: the packages around it.
fn add_parents(path: &str, index: &Index<'_>, links: &mut Links) {
    let mut around = folder(path);
    loop {
        let init = if around.is_empty() {
            "__init__.py".to_owned()
        } else {
            format!("{around}/__init__.py")
        };
        match index.find(&init) {
            Some(found) => {
                links.to.insert(found);
            }
            None => return,
        }
        if around.is_empty() {
            return;
        }
        around = folder(around);
    }
}

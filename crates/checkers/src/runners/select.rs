//! The words that choose tests, runner by runner.

use std::collections::BTreeSet;

use super::{Request, Selection};

/// The runner cannot be asked for less than everything.
pub(super) const fn nothing(_: &Request<'_>) -> Vec<String> {
    Vec::new()
}

pub(super) fn jest(request: &Request<'_>) -> Vec<String> {
    let mut words = named("-t", request);
    if !request.selection.files().is_empty() {
        words.push("--runTestsByPath".to_owned());
        words.extend(paths(request));
    }
    words
}

pub(super) fn vitest(request: &Request<'_>) -> Vec<String> {
    let mut words = named("-t", request);
    // A path is searched for in paths, and an absolute one is in no other.
    let files = request.selection.files().iter();
    words.extend(files.map(|file| format!("{}/{file}", request.root)));
    words
}

pub(super) fn mocha(request: &Request<'_>) -> Vec<String> {
    let mut words = named("--grep", request);
    words.extend(paths(request));
    words
}

pub(super) fn node(request: &Request<'_>) -> Vec<String> {
    let names = request.selection.names().iter();
    let mut words: Vec<String> = names
        .map(|name| format!("--test-name-pattern=^{}$", escaped(name)))
        .collect();
    words.extend(paths(request));
    words
}

pub(super) fn pytest(request: &Request<'_>) -> Vec<String> {
    let mut words = Vec::new();
    // The values of a parameter are no word of the language of `-k`: all of them are run.
    let names: Vec<&str> = request
        .selection
        .names()
        .iter()
        .map(|it| base(it))
        .collect();
    if !names.is_empty() {
        words.extend(["-k".to_owned(), names.join(" or ")]);
    }
    words.extend(paths(request));
    words
}

pub(super) fn unittest(request: &Request<'_>) -> Vec<String> {
    let files = paths(request);
    let mut words = Vec::new();
    if files.is_empty() {
        words.push("discover".to_owned());
    }
    words.push("-v".to_owned());
    for name in request.selection.names() {
        words.extend(["-k".to_owned(), base(name).to_owned()]);
    }
    words.extend(files);
    words
}

/// A test of Rust can be told only by the program that it is linked into.
pub(super) fn cargo(request: &Request<'_>) -> Vec<String> {
    let mut words = BTreeSet::new();
    for file in request.selection.files() {
        let parts: Vec<&str> = file.split('/').collect();
        match parts.as_slice() {
            ["tests", name] | ["tests", name, ..] => {
                let name = name.strip_suffix(".rs").unwrap_or(name);
                words.insert(format!("--test={name}"));
            }
            // The library, the programs and the examples in the documentation; or what it belongs to
            // stands in the manifest.
            _ => return workspace(request),
        }
    }
    let mut words: Vec<String> = words.into_iter().collect();
    if words.is_empty() {
        words = workspace(request);
    }
    if !request.selection.names().is_empty() {
        words.extend(["--".to_owned(), "--exact".to_owned()]);
        let names = request.selection.names().iter();
        words.extend(names.map(|it| (*it).to_owned()));
    }
    words
}

/// All packages below the root.
fn workspace(request: &Request<'_>) -> Vec<String> {
    let is_workspace = request.files.iter().any(|it| it.ends_with("/Cargo.toml"));
    is_workspace
        .then(|| "--workspace".to_owned())
        .into_iter()
        .collect()
}

/// The tests of a file cannot be built without its package.
pub(super) fn go(request: &Request<'_>) -> Vec<String> {
    let mut words = Vec::new();
    if !request.selection.names().is_empty() {
        let names = request.selection.names().iter();
        let names: BTreeSet<String> = names
            .map(|name| escaped(name.split('/').next().unwrap_or(name)))
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        words.push(format!("-run=^({})$", names.join("|")));
    }
    let files = request.selection.files();
    if files.is_empty() {
        words.push("./...".to_owned());
    }
    let packages: BTreeSet<String> = files
        .iter()
        .map(|file| match file.rsplit_once('/') {
            Some((folder, _)) => format!("./{folder}"),
            None => ".".to_owned(),
        })
        .collect();
    words.extend(packages);
    words
}

pub(super) fn maven(request: &Request<'_>) -> Vec<String> {
    let mut classes: Vec<String> = request
        .selection
        .files()
        .iter()
        .map(|it| class(it))
        .collect();
    if classes.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = request
        .selection
        .names()
        .iter()
        .map(|it| base(it))
        .collect();
    if let ([class], false) = (classes.as_mut_slice(), names.is_empty()) {
        class.push('#');
        class.push_str(&names.join("+"));
    }
    vec![format!("-Dtest={}", classes.join(","))]
}

pub(super) fn console(request: &Request<'_>) -> Vec<String> {
    let scan = format!("--scan-classpath={}/classes", request.scratch);
    let mut words = vec![scan, "--include-classname=.*".to_owned()];
    let files = request.selection.files();
    if files.is_empty() {
        return words;
    }
    let classes: Vec<String> = files.iter().map(|it| escaped(&class(it))).collect();
    words.pop();
    words.push(format!(
        "--include-classname=(.*[.])?({})",
        classes.join("|")
    ));
    words
}

/// Which test a source file belongs to stands in `CMakeLists.txt`; names are tests.
pub(super) fn ctest(request: &Request<'_>) -> Vec<String> {
    let Selection::Names { names, .. } = request.selection else {
        return Vec::new();
    };
    let names: Vec<String> = names.iter().map(|it| escaped(it)).collect();
    vec!["-R".to_owned(), format!("^({})$", names.join("|"))]
}

/// The Java files of the project.
pub(super) fn java_files(request: &Request<'_>) -> Vec<String> {
    let files = request
        .files
        .iter()
        .filter(|it| it.rsplit_once('.').is_some_and(|(_, it)| it == "java"));
    files.map(|it| plain(it)).collect()
}

/// The option that asks for tests whose whole title ends with one of the names.
fn named(option: &str, request: &Request<'_>) -> Vec<String> {
    let names: Vec<String> = request
        .selection
        .names()
        .iter()
        .map(|it| escaped(it))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![option.to_owned(), format!("(^| )({})$", names.join("|"))]
}

fn paths(request: &Request<'_>) -> Vec<String> {
    request
        .selection
        .files()
        .iter()
        .map(|it| plain(it))
        .collect()
}

/// A path that is no option, whatever it begins with.
fn plain(path: &str) -> String {
    if path.starts_with(['-', '@']) {
        return format!("./{path}");
    }
    path.to_owned()
}

/// A name without the values of its parameters.
fn base(name: &str) -> &str {
    let end = name.find(['[', '(', ' ']).unwrap_or(name.len());
    &name[..end]
}

/// The name of the class in a file.
fn class(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).to_owned()
}

/// A text as a regular expression of any of the runners.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\^$.|?*+()[]{}/".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

//! Which files are tests, and which tests belong to which source, by each ecosystem's conventions.
//!
//! A test is told by its name or its folder; what it tests is told by the rest of its name and by
//! how much of the two paths is alike. Nothing is read.

use crate::Language;
use crate::path;

/// How many files are looked at for the tests of one.
pub const FILES_MAX: usize = 100_000;

/// How an ecosystem names its tests.
#[derive(Debug)]
struct Convention {
    /// Extensions of sources and tests, in lower case.
    extensions: &'static [&'static str],
    /// Put before the source's stem.
    prefixes: &'static [&'static str],
    /// Put behind the source's stem.
    suffixes: &'static [&'static str],
    /// Folders in which every file of these extensions is a test.
    folders: &'static [&'static str],
}

const CONVENTIONS: &[Convention] = &[
    Convention {
        extensions: &[
            "js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte",
        ],
        prefixes: &["test-", "test_"],
        suffixes: &[
            ".test", ".spec", "-test", "-spec", "_test", "_spec", ".cy", ".e2e", ".test-d", "Spec",
        ],
        folders: &[
            "__tests__",
            "test",
            "tests",
            "spec",
            "specs",
            "e2e",
            "cypress",
        ],
    },
    Convention {
        extensions: &["py", "pyi"],
        prefixes: &["test_", "tests_"],
        suffixes: &["_test", "_tests"],
        folders: &["test", "tests"],
    },
    Convention {
        extensions: &["rs"],
        prefixes: &["test_"],
        suffixes: &["_test", "_tests"],
        folders: &["tests"],
    },
    Convention {
        extensions: &["go"],
        prefixes: &[],
        suffixes: &["_test"],
        folders: &[],
    },
    Convention {
        extensions: &["java", "kt", "kts", "scala", "groovy"],
        prefixes: &["Test"],
        suffixes: &["Test", "Tests", "TestCase", "IT", "ITCase", "Spec", "Suite"],
        folders: &[
            "test",
            "androidTest",
            "integrationTest",
            "commonTest",
            "jvmTest",
        ],
    },
    Convention {
        extensions: &["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "cu"],
        prefixes: &["test_", "test-", "tst_", "t_", "Test", "test"],
        suffixes: &[
            "_test",
            "_tests",
            "_unittest",
            "_unittests",
            "-test",
            ".test",
            "Test",
            "Tests",
            "_gtest",
        ],
        folders: &["test", "tests", "unittest", "unittests", "gtest"],
    },
    Convention {
        extensions: &["php"],
        prefixes: &[],
        suffixes: &["Test", "TestCase", "Cest", ".spec"],
        folders: &["tests", "test", "spec"],
    },
    Convention {
        extensions: &["rb"],
        prefixes: &["test_"],
        suffixes: &["_test", "_spec"],
        folders: &["test", "spec", "features"],
    },
    Convention {
        extensions: &["cs", "fs", "vb"],
        prefixes: &["Test"],
        suffixes: &["Test", "Tests", "Spec", "Specs", "Fixture"],
        folders: &["test", "tests"],
    },
    Convention {
        extensions: &["swift"],
        prefixes: &[],
        suffixes: &["Tests", "Test", "Spec", "UITests"],
        folders: &["Tests", "UITests"],
    },
    Convention {
        extensions: &["ex", "exs", "erl"],
        prefixes: &[],
        suffixes: &["_test", "_tests", "_SUITE"],
        folders: &["test"],
    },
    Convention {
        extensions: &[
            "dart", "lua", "hs", "ml", "clj", "cljs", "jl", "r", "nim", "d", "zig", "sh", "bats",
            "pl", "pm", "t",
        ],
        prefixes: &["test_", "test-"],
        suffixes: &["_test", "_tests", "_spec", "Spec", "Test", "-test"],
        folders: &["test", "tests", "spec", "t"],
    },
];

/// Folders between a project's root and its sources or tests, which say nothing about a file.
const NEUTRAL_FOLDERS: &[&str] = &[
    "src",
    "lib",
    "app",
    "main",
    "source",
    "sources",
    "include",
    "test",
    "tests",
    "spec",
    "specs",
    "__tests__",
    "java",
    "kotlin",
    "scala",
    "it",
    "unit",
    "integration",
    "t",
    "androidtest",
];

/// Whether a file is a test.
///
/// The language of a file without a telling extension may be given.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::test_files::is_test;
///
/// assert!(is_test("src/app.spec.ts", None));
/// assert!(is_test("pkg/server_test.go", None));
/// assert!(!is_test("pkg/latest.go", None));
/// ```
#[must_use]
pub fn is_test(path: &str, language: Option<Language>) -> bool {
    let place = path::split(path);
    let Some(convention) = convention(place.name, language) else {
        return false;
    };
    subject(place.name, convention).is_some_and(|subject| subject.is_by_name)
        || path::folders(path).any(|folder| convention.folders.contains(&folder))
        || is_rust_test_module(path)
}

/// The source files that a test belongs to, the likeliest first.
///
/// `files` are the paths of the project, of which at most [`FILES_MAX`] are looked at.
///
/// # Complexity
///
/// Linear in the files, plus sorting those that match.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::test_files::sources_of;
///
/// let files = ["src/a/server.py", "src/b/server.py", "src/a/client.py"];
/// assert_eq!(sources_of("tests/a/test_server.py", &files), ["src/a/server.py", "src/b/server.py"]);
/// ```
#[must_use]
pub fn sources_of<'a>(test: &str, files: &[&'a str]) -> Vec<&'a str> {
    if !is_test(test, None) {
        return Vec::new();
    }
    ranked(test, files, |file| {
        !is_test(file, None) && belongs(test, file)
    })
}

/// The tests that belong to a source file, the likeliest first.
///
/// `files` are the paths of the project, of which at most [`FILES_MAX`] are looked at.
///
/// # Complexity
///
/// As [`sources_of`].
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::test_files::tests_of;
///
/// let files = ["src/app.ts", "src/app.test.ts", "src/__tests__/app.ts", "src/other.test.ts"];
/// assert_eq!(tests_of("src/app.ts", &files), ["src/app.test.ts", "src/__tests__/app.ts"]);
/// ```
#[must_use]
pub fn tests_of<'a>(source: &str, files: &[&'a str]) -> Vec<&'a str> {
    if is_test(source, None) {
        return Vec::new();
    }
    ranked(source, files, |file| {
        is_test(file, None) && belongs(file, source)
    })
}

fn ranked<'a>(one: &str, files: &[&'a str], holds: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let mut found: Vec<(usize, usize, usize, &str)> = files
        .iter()
        .take(FILES_MAX)
        .filter(|file| holds(file))
        .map(|file| (distance(one, file), apart(one, file), file.len(), *file))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, _, _, file)| file).collect()
}

/// Whether a test's name says that it tests a source.
fn belongs(test: &str, source: &str) -> bool {
    let (test_place, source_place) = (path::split(test), path::split(source));
    let Some(convention) = convention(source_place.name, None) else {
        return false;
    };
    let is_same_ecosystem = extension(test_place.name)
        .is_some_and(|extension| convention.extensions.contains(&extension.as_str()));
    if !is_same_ecosystem {
        return false;
    }
    if is_rust_test_module(test) {
        return rust_module_is_of(test, source);
    }
    let source_stem = source_stem(source);
    let Some(subject) = subject(test_place.name, convention) else {
        return false;
    };
    subject.stem == source_stem
}

/// `src/a/tests.rs` is the module of tests of `src/a.rs` or `src/a/mod.rs`.
fn is_rust_test_module(path: &str) -> bool {
    matches!(path::split(path).name, "tests.rs" | "test.rs")
}

fn rust_module_is_of(test: &str, source: &str) -> bool {
    let folder = path::split(test).folder;
    let place = path::split(source);
    let is_file = source.strip_suffix(".rs").is_some_and(|module| {
        module.trim_start_matches("./").replace('\\', "/") == folder.replace('\\', "/")
    });
    is_file || place.folder == folder && matches!(place.name, "mod.rs" | "lib.rs" | "main.rs")
}

/// The stem of a source; of a file that is named for its folder, the folder.
fn source_stem(source: &str) -> &str {
    let place = path::split(source);
    let stem = match place.name.rsplit_once('.') {
        Some((stem, _)) => stem,
        None => place.name,
    };
    if matches!(stem, "index" | "mod" | "__init__") {
        return path::folders(source).last().unwrap_or(stem);
    }
    stem
}

#[derive(Debug)]
struct Subject<'a> {
    /// The stem of what is tested.
    stem: &'a str,
    /// Whether the name alone says that this is a test.
    is_by_name: bool,
}

fn subject<'a>(name: &'a str, convention: &Convention) -> Option<Subject<'a>> {
    let (stem, _) = name.rsplit_once('.')?;
    let inner = convention
        .suffixes
        .iter()
        .filter_map(|suffix| {
            stem.strip_suffix(suffix)
                .filter(|_| begins_word(stem, suffix))
        })
        .min_by_key(|inner| inner.len())
        .or_else(|| {
            let prefixes = convention.prefixes.iter();
            prefixes
                .filter_map(|prefix| {
                    stem.strip_prefix(prefix)
                        .filter(|it| is_prefixed(prefix, it))
                })
                .min_by_key(|inner| inner.len())
        })
        .filter(|inner| !inner.is_empty());
    Some(Subject {
        stem: inner.unwrap_or(stem),
        is_by_name: inner.is_some(),
    })
}

/// `FooTest` has a suffix, `Latest` and `contest` have none.
fn begins_word(stem: &str, suffix: &str) -> bool {
    let before = stem[..stem.len() - suffix.len()].chars().next_back();
    let is_capital = suffix.starts_with(|first: char| first.is_ascii_uppercase());
    !is_capital || before.is_none_or(|before| !before.is_ascii_uppercase() || suffix.len() > 2)
}

/// `TestFoo` has a prefix, `Testimony` has none.
fn is_prefixed(prefix: &str, rest: &str) -> bool {
    let ends_with_letter = prefix.ends_with(|last: char| last.is_ascii_alphabetic());
    !ends_with_letter || rest.starts_with(|first: char| first.is_ascii_uppercase())
}

fn convention(name: &str, language: Option<Language>) -> Option<&'static Convention> {
    let extension = extension(name).or_else(|| {
        let language = language?;
        language.extensions().first().map(|it| (*it).to_owned())
    })?;
    CONVENTIONS
        .iter()
        .find(|convention| convention.extensions.contains(&extension.as_str()))
}

fn extension(name: &str) -> Option<String> {
    path::last_extension(name).map(str::to_ascii_lowercase)
}

/// How unlike the folders of two paths are, without those that every project has.
fn distance(one: &str, other: &str) -> usize {
    let one = telling_folders(one);
    let other = telling_folders(other);
    let alike = one
        .iter()
        .rev()
        .zip(other.iter().rev())
        .take_while(|(one, other)| one == other)
        .count();
    let from_front = one
        .iter()
        .zip(&other)
        .take_while(|(one, other)| one == other)
        .count();
    (one.len() + other.len()).saturating_sub(2 * alike.max(from_front))
}

/// How many folders of two paths come behind what they begin with alike.
fn apart(one: &str, other: &str) -> usize {
    let one: Vec<&str> = path::folders(one).collect();
    let other: Vec<&str> = path::folders(other).collect();
    let pairs = one.iter().zip(&other);
    let alike = pairs.take_while(|(one, other)| one == other).count();
    one.len() + other.len() - 2 * alike
}

fn telling_folders(path: &str) -> Vec<String> {
    path::folders(path)
        .map(str::to_ascii_lowercase)
        .filter(|folder| !folder.is_empty() && !NEUTRAL_FOLDERS.contains(&folder.as_str()))
        .collect()
}

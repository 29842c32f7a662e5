//! What there is to say of a file beside its language.

use std::fmt;

use memchr::{memchr_iter, memmem};

use crate::path::{self, Place};
use crate::{Input, Language, header, test_files};

/// How many bytes of a file are searched for the mark of a generator.
const MARK_BYTES_MAX: usize = 2048;

/// A text of at least this length can be minified.
const MINIFIED_BYTES_MIN: usize = 500;

/// A minified text has at least this many bytes a line.
const MINIFIED_LINE_BYTES_MIN: usize = 250;

/// How many bytes of a file are looked at for long lines.
const MINIFIED_BYTES_READ: usize = 32 * 1024;

/// Things that are said of a file independently of its language and of each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    const NAMES: [&'static str; 7] = [
        "binary",
        "documentation",
        "generated",
        "lock file",
        "minified",
        "test",
        "vendored",
    ];

    /// Its bytes are those of no text.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        self.has(0)
    }

    /// It is there to be read by people, or shows how something is used.
    #[must_use]
    pub const fn is_documentation(self) -> bool {
        self.has(1)
    }

    /// A program wrote it.
    #[must_use]
    pub const fn is_generated(self) -> bool {
        self.has(2)
    }

    /// A package manager wrote it to remember versions.
    #[must_use]
    pub const fn is_lock_file(self) -> bool {
        self.has(3)
    }

    /// Its lines were joined to save bytes.
    #[must_use]
    pub const fn is_minified(self) -> bool {
        self.has(4)
    }

    /// It tests other files.
    #[must_use]
    pub const fn is_test(self) -> bool {
        self.has(5)
    }

    /// It was copied from another project.
    #[must_use]
    pub const fn is_vendored(self) -> bool {
        self.has(6)
    }

    /// The names of the flags that are set, in the order of the alphabet.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, name)| name)
    }

    const fn has(self, bit: u8) -> bool {
        self.0 & (1 << bit) != 0
    }

    fn set(&mut self, bit: u8, value: bool) {
        self.0 = self.0 & !(1 << bit) | (u8::from(value) << bit);
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// The flags of a file; what `.gitattributes` say comes before what is found.
pub(crate) fn of(input: &Input<'_>, language: Option<Language>) -> Flags {
    let assigned = input
        .attributes
        .map(|attributes| attributes.of(input.path))
        .unwrap_or_default();
    let place = path::split(input.path);
    let lower = place.name.to_ascii_lowercase();
    let is_binary = header::is_binary(input.content);
    let is_lock_file = LOCK_FILES.contains(&&*lower);
    let is_minified = !is_binary && is_minified(&lower, input.content);
    let is_generated = || {
        is_lock_file
            || is_minified
            || has_generated_name(&lower)
            || !is_binary && has_generator_mark(input.content)
    };
    let mut flags = Flags::default();
    flags.set(0, is_binary);
    flags.set(
        1,
        assigned
            .documentation
            .unwrap_or_else(|| is_documentation(input.path, &lower)),
    );
    flags.set(2, assigned.generated.unwrap_or_else(is_generated));
    flags.set(3, is_lock_file);
    flags.set(4, is_minified);
    flags.set(5, test_files::is_test(input.path, language));
    flags.set(
        6,
        assigned
            .vendored
            .unwrap_or_else(|| is_vendored(input.path, place, &lower)),
    );
    flags
}

/// In lower case.
const LOCK_FILES: &[&str] = &[
    ".terraform.lock.hcl",
    "bun.lock",
    "bun.lockb",
    "cargo.lock",
    "cartfile.resolved",
    "composer.lock",
    "conan.lock",
    "deno.lock",
    "flake.lock",
    "gemfile.lock",
    "glide.lock",
    "go.sum",
    "go.work.sum",
    "gopkg.lock",
    "gradle.lockfile",
    "mix.lock",
    "module.bazel.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "paket.lock",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "pylock.toml",
    "rebar.lock",
    "shard.lock",
    "shrinkwrap.yaml",
    "uv.lock",
    "vcpkg-lock.json",
    "yarn.lock",
];

/// Ends of names, in lower case, that generators write.
const GENERATED_ENDS: &[&str] = &[
    ".d.ts.map",
    ".css.map",
    ".js.map",
    ".designer.cs",
    ".designer.vb",
    ".feature.cs",
    ".freezed.dart",
    ".g.cs",
    ".g.dart",
    ".g.i.cs",
    ".gen.go",
    ".generated.cs",
    ".generated.ts",
    ".gr.dart",
    ".nib",
    ".pb.cc",
    ".pb.go",
    ".pb.gw.go",
    ".pb.h",
    ".pb.swift",
    ".pbobjc.h",
    ".pbobjc.m",
    ".xcuserstate",
    "_generated.go",
    "_grpc.pb.go",
    "_pb.d.ts",
    "_pb.js",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    "_string.go",
    ".snap",
    "-min.js",
    "-min.css",
    ".min.js",
    ".min.css",
    ".min.mjs",
];

fn has_generated_name(lower: &str) -> bool {
    GENERATED_ENDS.iter().any(|end| lower.ends_with(end))
}

/// What generators write near the top of what they make, in lower case.
const MARKS: &[&str] = &[
    "@generated",
    "<auto-generated",
    "auto-generated by",
    "autogenerated by",
    "automatically generated",
    "autogenerated file",
    "auto-generated file",
    "auto generated file",
    "code generated by",
    "do not edit this file",
    "file is generated",
    "file was generated",
    "file was auto",
    "generated automatically",
    "generated by cython",
    "generated by jflex",
    "generated by protobuf",
    "generated by swig",
    "generated by the protocol buffer compiler",
    "generated code -- do not edit",
    "generated from",
    "machine generated",
    "this is a generated file",
    "this is an automatically generated",
];

fn has_generator_mark(content: &[u8]) -> bool {
    let mut buffer = [0; MARK_BYTES_MAX];
    let head = &mut buffer[..content.len().min(MARK_BYTES_MAX)];
    head.copy_from_slice(&content[..head.len()]);
    head.make_ascii_lowercase();
    // Most files have neither word, and are spared the list.
    let words = [&b"generated"[..], b"do not edit"];
    if !words.iter().any(|word| memmem::find(head, word).is_some()) {
        return false;
    }
    String::from_utf8_lossy(head)
        .lines()
        .filter(|line| is_comment(line))
        .any(|line| MARKS.iter().any(|mark| line.contains(mark)))
}

/// What comments begin with, in lower case.
const COMMENT_STARTS: [&str; 16] = [
    "//", "/*", "*", "#", "--", ";", "%", "!", "<!--", "(*", "{-", "\"\"\"", "'", "rem ", "dnl ",
    ".\\\"",
];

/// Whether a line begins or holds a comment of some language; code that prints the words is none.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    let is_prose = line
        .chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && !line.contains(['(', '=', ';', '{', '"']);
    is_prose
        || COMMENT_STARTS.iter().any(|start| line.starts_with(start))
        || line.contains("<auto-generated")
}

fn is_minified(lower: &str, content: &[u8]) -> bool {
    let is_script = [".js", ".css", ".mjs", ".cjs"]
        .iter()
        .any(|end| lower.ends_with(end));
    if !is_script {
        return false;
    }
    if [".min.", "-min."].iter().any(|mark| lower.contains(mark)) {
        return true;
    }
    let head = &content[..content.len().min(MINIFIED_BYTES_READ)];
    if head.len() < MINIFIED_BYTES_MIN {
        return false;
    }
    // A text of so many lines is none, whatever their lengths.
    let count_max = head.len() / MINIFIED_LINE_BYTES_MIN;
    let mut lines = 0;
    let mut bytes = 0;
    let mut start = 0;
    for end in memchr_iter(b'\n', head).chain([head.len()]) {
        let line = &head[start..end];
        start = end + 1;
        if !line.trim_ascii().is_empty() {
            lines += 1;
            bytes += line.len();
        }
        if lines > count_max {
            return false;
        }
    }
    bytes >= lines.max(1) * MINIFIED_LINE_BYTES_MIN
}

/// Folders that hold other people's files, in lower case.
const VENDORED_FOLDERS: &[&str] = &[
    "3rd-party",
    "3rdparty",
    ".yarn",
    "bower_components",
    "carthage",
    "deps",
    "dist",
    "external",
    "externals",
    "extern",
    "extlib",
    "godeps",
    "jspm_packages",
    "node_modules",
    "pods",
    "site-packages",
    "third-party",
    "third_party",
    "thirdparty",
    "vendor",
    "vendors",
    "vendored",
];

/// Files that are copied from elsewhere, in lower case.
const VENDORED_NAMES: &[&str] = &[
    "aclocal.m4",
    "compile",
    "config.guess",
    "config.rpath",
    "config.sub",
    "configure",
    "depcomp",
    "gradlew",
    "gradlew.bat",
    "install-sh",
    "libtool.m4",
    "ltmain.sh",
    "missing",
    "mkinstalldirs",
    "mvnw",
    "mvnw.cmd",
    "py-compile",
    "test-driver",
    "ylwrap",
];

/// Libraries that are copied as one file, with or without a version.
const VENDORED_LIBRARIES: &[&str] = &[
    "angular",
    "backbone",
    "bootstrap",
    "d3",
    "jquery",
    "lodash",
    "modernizr",
    "moment",
    "mootools",
    "prototype",
    "react-dom",
    "require",
    "underscore",
    "vue",
];

fn is_vendored(path: &str, place: Place<'_>, lower: &str) -> bool {
    let in_folder = path::folders(path).any(|folder| {
        VENDORED_FOLDERS
            .iter()
            .any(|known| folder.eq_ignore_ascii_case(known))
    });
    let is_library = lower.ends_with(".min.js")
        || VENDORED_LIBRARIES.iter().any(|library| {
            lower.strip_prefix(library).is_some_and(|rest| {
                let version = rest.trim_start_matches(|c: char| {
                    c.is_ascii_digit() || matches!(c, '-' | '.' | '_')
                });
                rest.starts_with('-')
                    && rest.len() > version.len() + 1
                    && matches!(version, "js" | "css" | "min.js" | "min.css")
            })
        });
    in_folder
        || is_library
        || VENDORED_NAMES.contains(&lower)
        || place.name == "waf"
        || place.folder.ends_with("gradle/wrapper")
}

/// Folders for readers, in lower case.
const DOCUMENTATION_FOLDERS: &[&str] = &[
    "demo",
    "demos",
    "doc",
    "docs",
    "documentation",
    "example",
    "examples",
    "groovydoc",
    "javadoc",
    "man",
    "sample",
    "samples",
];

/// Beginnings of the names of files for readers, in lower case.
const DOCUMENTATION_NAMES: &[&str] = &[
    "authors",
    "changelog",
    "changes",
    "code_of_conduct",
    "contributing",
    "contributors",
    "copying",
    "copyright",
    "history",
    "install",
    "licence",
    "license",
    "maintainers",
    "news",
    "notice",
    "readme",
    "security",
    "thanks",
];

fn is_documentation(path: &str, lower: &str) -> bool {
    let in_folder = path::folders(path).any(|folder| {
        DOCUMENTATION_FOLDERS
            .iter()
            .any(|known| folder.eq_ignore_ascii_case(known))
    });
    let (stem, extension) = lower.split_once('.').unwrap_or((lower, ""));
    let is_text = matches!(
        extension,
        "" | "md"
            | "markdown"
            | "rst"
            | "txt"
            | "adoc"
            | "asciidoc"
            | "org"
            | "html"
            | "mit"
            | "apache"
    );
    let stem = stem.split('-').next().unwrap_or(stem);
    in_folder || is_text && DOCUMENTATION_NAMES.contains(&stem)
}

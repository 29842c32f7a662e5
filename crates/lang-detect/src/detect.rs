//! Asks each kind of evidence in turn.

use crate::Language;
use crate::header;

/// How many bytes of the content are read at most.
pub const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// A language and what decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection {
    /// The language.
    pub language: Language,
    /// What decided.
    pub evidence: Evidence,
}

/// What decided a [`Detection`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Evidence {
    /// The file's whole name, for example `tsconfig.json`.
    FileName,
    /// The file's extension.
    Extension,
    /// The interpreter named on the first line.
    Shebang,
    /// The content, where the extension is shared by several languages.
    Content,
}

impl Evidence {
    /// A short name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FileName => "file name",
            Self::Extension => "extension",
            Self::Shebang => "shebang",
            Self::Content => "content",
        }
    }
}

/// Tells the language of a file, or `None` if it is not one of [`Language::ALL`].
///
/// `path` may use `/` or `\` and need not exist.
/// Of `content`, at most [`CONTENT_BYTES_MAX`] bytes are read.
///
/// # Complexity
///
/// Constant for most extensions; linear in the bytes read for `.h` and `.ts`.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::{Language, detect};
///
/// let script = detect("bin/tool", b"#!/usr/bin/env -S python3 -u\n").expect("a shebang");
/// assert_eq!(script.language, Language::Python);
/// ```
#[must_use]
pub fn detect(path: &str, content: &[u8]) -> Option<Detection> {
    let content = &content[..content.len().min(CONTENT_BYTES_MAX)];
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    by_file_name(path, &lower)
        .map(|language| Detection {
            language,
            evidence: Evidence::FileName,
        })
        .or_else(|| by_extension(name, &lower, content))
        .or_else(|| {
            by_shebang(content).map(|language| Detection {
                language,
                evidence: Evidence::Shebang,
            })
        })
}

fn by_file_name(path: &str, name: &str) -> Option<Language> {
    let language = match name {
        ".babelrc"
        | ".jscsrc"
        | ".jslintrc"
        | ".swcrc"
        | "api-extractor.json"
        | "babel.config.json"
        | "devcontainer.json"
        | "jsconfig.json"
        | "language-configuration.json"
        | "tsconfig.json"
        | "tslint.json"
        | ".devcontainer.json"
        | ".eslintrc.json"
        | ".eslintrc"
        | ".jshintrc"
        | "deno.json"
        | "nx.json"
        | "turbo.json"
        | "wrangler.json"
        | "oxlintrc.json"
        | ".oxlintrc.json"
        | "biome.json"
        | "rush.json"
        | "argv.json"
        | "project.json"
        | "typedoc.json"
        | "language-subtag-registry.json" => Language::JsonWithComments,
        ".all-contributorsrc"
        | ".arcconfig"
        | ".htmlhintrc"
        | ".imgbotconfig"
        | ".nycrc"
        | ".tern-config"
        | ".tern-project"
        | ".watchmanconfig"
        | "composer.lock"
        | "deno.lock"
        | "flake.lock"
        | "mcmod.info"
        | "pipfile.lock" => Language::Json,
        "cargo.lock" | "gopkg.lock" | "pipfile" | "poetry.lock" | "uv.lock" | "pdm.lock" => {
            Language::Toml
        }
        ".clang-format" | ".clang-tidy" | ".clangd" | ".gemrc" | "glide.lock" | "pixi.lock"
        | "pubspec.lock" | "citation.cff" => Language::Yaml,
        "sconstruct" | "sconscript" | "wscript" | "snakefile" | ".gclient" => Language::Python,
        "jakefile" => Language::JavaScript,
        _ => {
            let json = has_extension(name, "json");
            let typescript_config =
                json && (name.starts_with("tsconfig.") || name.starts_with("jsconfig."));
            let editor_folder = path.contains(".vscode/") || path.contains(".vscode\\");
            return (typescript_config || json && editor_folder)
                .then_some(Language::JsonWithComments);
        }
    };
    Some(language)
}

fn by_extension(name: &str, lower: &str, content: &[u8]) -> Option<Detection> {
    let (stem, extension) = name.rsplit_once('.')?;
    let (_, extension_lower) = lower.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    let by_content = |language| {
        Some(Detection {
            language,
            evidence: Evidence::Content,
        })
    };
    let language = match extension_lower {
        // Unix tools read an upper-case `.C` or `.H` as C++.
        "c" if extension == "C" => Language::Cpp,
        "c" | "cats" | "idc" => Language::C,
        "h" if extension == "H" => Language::Cpp,
        "h" => return header::language(content).and_then(by_content),
        "cpp" | "cc" | "cxx" | "c++" | "cp" | "cppm" | "ccm" | "cxxm" | "c++m" | "ixx" | "mpp"
        | "hpp" | "hh" | "hxx" | "h++" | "ipp" | "tpp" | "txx" | "ino" => Language::Cpp,
        "go" => Language::Go,
        "java" | "jav" => Language::Java,
        "js" | "mjs" | "cjs" | "jsx" | "es6" | "es" | "jsm" | "ssjs" => Language::JavaScript,
        "ts" | "mts" | "cts" | "tsx" => {
            if is_qt_translation(content) || is_mpeg_stream(content) {
                return None;
            }
            if extension_lower == "tsx" {
                Language::Tsx
            } else {
                Language::TypeScript
            }
        }
        "json" | "jsonl" | "ndjson" | "geojson" | "topojson" | "gltf" | "har" | "ipynb"
        | "webmanifest" | "avsc" | "jsonld" | "tfstate" | "webapp" | "mcmeta" => Language::Json,
        "jsonc" | "code-workspace" | "code-snippets" | "sublime-settings" | "sublime-project"
        | "sublime-keymap" => Language::JsonWithComments,
        "json5" => Language::Json5,
        "py" | "pyi" | "pyw" | "py3" | "gyp" | "gypi" | "wsgi" => Language::Python,
        "rs" => Language::Rust,
        "toml" => Language::Toml,
        "yaml" | "yml" => Language::Yaml,
        _ => return None,
    };
    Some(Detection {
        language,
        evidence: Evidence::Extension,
    })
}

fn by_shebang(content: &[u8]) -> Option<Language> {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let line = content
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line
        .split_ascii_whitespace()
        .map(|word| word.rsplit('/').next().unwrap_or(word));
    let mut program = words.next()?;
    if program == "env" {
        program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    }
    if matches!(program, "uv" | "npx" | "pipx" | "cargo" | "deno") {
        let command = words.find(|word| !word.starts_with('-') && *word != "run");
        program = match (program, command) {
            ("uv" | "pipx", _) => "python",
            ("cargo", _) => "rust-script",
            ("deno", _) => "deno",
            (_, command) => command?,
        };
    }
    let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match program {
        "python" | "pypy" => Some(Language::Python),
        "node" | "nodejs" => Some(Language::JavaScript),
        "deno" | "bun" | "ts-node" | "tsx" => Some(Language::TypeScript),
        "rust-script" => Some(Language::Rust),
        "jbang" => Some(Language::Java),
        _ => None,
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, found)| found == extension)
}

fn is_qt_translation(content: &[u8]) -> bool {
    let head = &content[..content.len().min(512)];
    head.starts_with(b"<?xml") || head.starts_with(b"<!DOCTYPE TS") || head.starts_with(b"<TS ")
}

fn is_mpeg_stream(content: &[u8]) -> bool {
    const PACKET_BYTES: usize = 188;
    const SYNC_BYTE: u8 = 0x47;
    content.len() > PACKET_BYTES
        && content
            .iter()
            .step_by(PACKET_BYTES)
            .take(4)
            .all(|&byte| byte == SYNC_BYTE)
}

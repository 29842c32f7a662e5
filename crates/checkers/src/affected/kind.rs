//! What a file is to the graph, told from its path.

use claude_flow_lang_detect::test_files;

use super::index::Index;
use super::scan;
use super::{Links, python};

/// What a file is to the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// JavaScript, TypeScript and what is compiled to them.
    Script,
    /// A configuration that is a script, or names scripts.
    ScriptConfig,
    Python,
    /// `conftest.py`: configuration of the tests below its folder, and Python.
    Conftest,
    Rust,
    Go,
    /// Java and Kotlin.
    Java,
    C,
    /// Configuration of the tests below its folder: manifests, lock files, settings of runners and compilers.
    Config,
    /// What tests may read.
    Data,
    /// What is for people.
    Document,
    /// Source of a language whose imports are not read, or a unit of files.
    Other,
}

const SCRIPTS: &[&str] = &[
    "astro", "cjs", "cts", "js", "jsx", "mjs", "mts", "svelte", "ts", "tsx", "vue",
];

const CS: &[&str] = &[
    "c", "cc", "cpp", "cu", "cxx", "h", "hh", "hpp", "hxx", "inl", "ipp", "tpp",
];

const OTHERS: &[&str] = &[
    "clj", "cs", "dart", "erl", "ex", "exs", "fs", "hs", "jl", "lua", "m", "ml", "mm", "nim",
    "php", "pl", "pm", "r", "rb", "scala", "swift", "vb", "zig",
];

const CONFIGS: &[&str] = &[
    ".babelrc",
    ".coveragerc",
    ".env",
    ".mocharc.json",
    ".mocharc.jsonc",
    ".mocharc.yaml",
    ".mocharc.yml",
    ".npmrc",
    ".nvmrc",
    ".python-version",
    ".swcrc",
    "CMakeLists.txt",
    "CMakePresets.json",
    "Cargo.lock",
    "Cargo.toml",
    "GNUmakefile",
    "Makefile",
    "Pipfile",
    "Pipfile.lock",
    "build.gradle",
    "build.gradle.kts",
    "build.rs",
    "bun.lock",
    "bun.lockb",
    "go.mod",
    "go.sum",
    "go.work",
    "go.work.sum",
    "gradle.properties",
    "jsconfig.json",
    "meson.build",
    "nextest.toml",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "poetry.lock",
    "pom.xml",
    "pyproject.toml",
    "pytest.ini",
    "rust-toolchain",
    "rust-toolchain.toml",
    "settings.gradle",
    "settings.gradle.kts",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "uv.lock",
    "vitest.workspace.json",
    "yarn.lock",
];

/// Scripts that configure, by how their names begin.
const SCRIPT_CONFIGS: &[&str] = &[
    ".mocharc.",
    "babel.config.",
    "jest.config.",
    "vite.config.",
    "vitest.config.",
    "vitest.workspace.",
];

/// What is in a file that holds tests of C.
const C_TESTS: &[&str] = &[
    "TEST(",
    "TEST_F(",
    "TEST_P(",
    "TEST_CASE(",
    "TYPED_TEST(",
    "SCENARIO(",
];

impl Kind {
    pub(super) fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let extension = extension.to_ascii_lowercase();
        let is = |list: &[&str]| list.contains(&extension.as_str());
        if name == "conftest.py" {
            return Self::Conftest;
        }
        if CONFIGS.contains(&name)
            || is_named_config(name, &extension)
            || path.ends_with(".cargo/config.toml")
        {
            return Self::Config;
        }
        match extension.as_str() {
            _ if is(SCRIPTS) && SCRIPT_CONFIGS.iter().any(|it| name.starts_with(it)) => {
                Self::ScriptConfig
            }
            _ if is(SCRIPTS) => Self::Script,
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "go" => Self::Go,
            "java" | "kt" => Self::Java,
            _ if is(CS) => Self::C,
            _ if is(OTHERS) => Self::Other,
            "adoc" | "md" | "mdx" | "rst" => Self::Document,
            "" if matches!(
                name,
                "LICENSE" | "COPYING" | "AUTHORS" | "CODEOWNERS" | ".gitignore"
            ) =>
            {
                Self::Document
            }
            _ => Self::Data,
        }
    }

    /// Whether its text is looked at.
    pub(super) const fn is_read(self) -> bool {
        !matches!(self, Self::Data | Self::Document)
    }

    /// Whether it configures the tests below its folder.
    pub(super) const fn is_config(self) -> bool {
        matches!(self, Self::Config | Self::ScriptConfig | Self::Conftest)
    }

    /// Whether only those see it who import it.
    pub(super) const fn is_source(self) -> bool {
        matches!(
            self,
            Self::Script | Self::Python | Self::Rust | Self::Go | Self::Java | Self::C
        )
    }

    /// Whether a file holds tests. Names tell much, but settings may tell a runner of other names.
    pub(super) fn holds_tests(self, path: &str, text: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        match self {
            Self::Script => {
                !name.ends_with(".d.ts")
                    && (test_files::is_test(path, None) || has_script_test(text))
            }
            Self::Python => {
                let stem = name.strip_suffix(".py").unwrap_or("");
                stem.starts_with("test_")
                    || stem.ends_with("_test")
                    || text.contains("def test")
                    || text.contains("TestCase")
            }
            Self::Rust => {
                text.contains("#[test") || text.contains("test]") || text.contains("proptest!")
            }
            Self::Go => name.ends_with("_test.go"),
            Self::Java => {
                test_files::is_test(path, None)
                    || text.contains("@Test")
                    || text.contains("TestCase")
            }
            Self::C => {
                let is_header = name
                    .rsplit_once('.')
                    .is_some_and(|(_, it)| it.starts_with('h'));
                !is_header
                    && (test_files::is_test(path, None)
                        || C_TESTS.iter().any(|it| text.contains(it)))
            }
            Self::Other => test_files::is_test(path, None),
            Self::Config | Self::ScriptConfig | Self::Conftest | Self::Data | Self::Document => {
                false
            }
        }
    }
}

fn is_named_config(name: &str, extension: &str) -> bool {
    extension == "cmake"
        || name.starts_with(".env.")
        || name.starts_with("tsconfig") && extension == "json"
        || name.starts_with("requirements") && extension == "txt"
}

/// Whether a script calls what declares tests.
fn has_script_test(text: &str) -> bool {
    ["test", "it", "describe", "suite"].iter().any(|word| {
        scan::words(text, word).any(|at| {
            let rest = &text[at + word.len()..];
            rest.starts_with(['(', '.'])
                && text[..at]
                    .trim_end_matches([' ', '\t'])
                    .ends_with(['\n', ';', '{'])
        })
    })
}

/// What a configuration that is data makes a part of every test.
pub(super) fn config_links(at: usize, index: &Index<'_>, links: &mut Links) {
    let path = index.path(at);
    let name = path.rsplit('/').next().unwrap_or(path);
    let text = index.text(at).unwrap_or_default();
    match name {
        "package.json" => {
            let whole: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            for key in ["jest", "mocha", "babel"] {
                let settings = whole.get(key).map(ToString::to_string).unwrap_or_default();
                index.add_strings(at, &settings, links);
            }
        }
        // A plugin of pytest's.
        "pyproject.toml" | "pytest.ini" | "setup.cfg" | "tox.ini" => {
            for (after, _) in text.match_indices("-p").map(|(at, it)| (at + it.len(), it)) {
                let rest = text[after..].trim_start_matches([' ', '"', '\'', ',', '=']);
                let end = rest.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == '.'));
                python::add_module(&rest[..end.unwrap_or(rest.len())], index, links);
            }
        }
        _ if name.starts_with(".mocharc") => index.add_strings(at, text, links),
        _ => {}
    }
}

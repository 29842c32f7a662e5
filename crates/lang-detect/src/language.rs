//! The languages that can be told apart.

use std::fmt;

/// A language, named as github-linguist names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Language {
    /// C, headers included.
    C,
    /// C++, headers and module interfaces included.
    Cpp,
    /// Go.
    Go,
    /// Java.
    Java,
    /// JavaScript, with or without JSX.
    JavaScript,
    /// JSON as RFC 8259 defines it, and its line-delimited form.
    Json,
    /// JSON with comments and trailing commas, as configuration files use it.
    JsonWithComments,
    /// JSON5.
    Json5,
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// TOML.
    Toml,
    /// TypeScript with JSX.
    Tsx,
    /// TypeScript, declaration files included.
    TypeScript,
    /// YAML.
    Yaml,
}

impl Language {
    /// Every language, in the order of their names.
    pub const ALL: [Self; 14] = [
        Self::C,
        Self::Cpp,
        Self::Go,
        Self::Java,
        Self::JavaScript,
        Self::Json,
        Self::JsonWithComments,
        Self::Json5,
        Self::Python,
        Self::Rust,
        Self::Toml,
        Self::Tsx,
        Self::TypeScript,
        Self::Yaml,
    ];

    /// The name that github-linguist uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::JavaScript => "JavaScript",
            Self::Json => "JSON",
            Self::JsonWithComments => "JSON with Comments",
            Self::Json5 => "JSON5",
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::Toml => "TOML",
            Self::Tsx => "TSX",
            Self::TypeScript => "TypeScript",
            Self::Yaml => "YAML",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

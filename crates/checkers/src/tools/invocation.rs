//! The command that asks a tool about one file, as a value.

use super::tool::{Directory, Tool};

/// What every tool's environment has on top of the runner's: plain text in a language that is known.
const ENVIRONMENT: &[(&str, &str)] = &[("LC_ALL", "C.UTF-8"), ("NO_COLOR", "1"), ("TERM", "dumb")];

/// One file that a tool is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The absolute root: the directory of the configuration, or the workspace if there is none.
    pub root: &'a str,
    /// The file relative to the root, with `/`.
    pub path: &'a str,
    /// The content, as it is on the disk.
    pub content: &'a [u8],
    /// An absolute private directory for caches; it may be used again for the same root.
    pub scratch: &'a str,
    /// The configuration that counts: its absolute path, and the kind of file.
    pub config: Option<(&'a str, &'a super::ConfigFile)>,
    /// The edition of the Rust package that the file belongs to.
    pub edition: Option<&'a str>,
}

impl Request<'_> {
    /// The directory of the file, relative to the root; empty for the root itself.
    fn directory(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
    }

    /// A path that begins with `./` and is relative to the file's directory, relative to the root.
    pub(super) fn below_root(&self, path: &str) -> String {
        match (self.directory(), path.strip_prefix("./")) {
            ("", _) | (_, None) => path.to_owned(),
            (directory, Some(rest)) => format!("{directory}/{rest}"),
        }
    }

    fn absolute(&self, relative: &str) -> String {
        if relative.is_empty() {
            self.root.to_owned()
        } else {
            format!("{}/{relative}", self.root.trim_end_matches('/'))
        }
    }
}

/// A command, as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// The arguments behind the executable's name.
    pub arguments: Vec<String>,
    /// Variables that are set on top of the runner's.
    pub environment: Vec<(&'static str, String)>,
    /// The absolute working directory.
    pub directory: String,
    /// What the tool reads on its standard input; `None` for nothing.
    pub stdin: Option<&'a [u8]>,
}

impl Tool {
    /// The command that asks about one file.
    #[must_use]
    pub fn invocation<'a>(&self, request: &Request<'a>) -> Invocation<'a> {
        let directory = match self.ask.directory {
            Directory::Root => "",
            Directory::File => request.directory(),
        };
        let values = Values { request, directory };
        let environment = ENVIRONMENT.iter().chain(self.ask.environment);
        Invocation {
            arguments: self
                .ask
                .arguments
                .iter()
                .filter_map(|word| values.expand(word))
                .collect(),
            environment: environment
                .filter_map(|(key, value)| Some((*key, values.expand(value)?)))
                .collect(),
            directory: request.absolute(directory),
            stdin: self.ask.is_stdin.then_some(request.content),
        }
    }
}

/// What the placeholders stand for.
struct Values<'a> {
    request: &'a Request<'a>,
    /// The working directory, relative to the root.
    directory: &'a str,
}

impl Values<'_> {
    /// A word with its placeholders filled, or `None` if a value is not known.
    fn expand(&self, word: &str) -> Option<String> {
        let mut expanded = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('{') {
            expanded.push_str(before);
            let closed = after.split_once('}');
            match closed.map(|(name, after)| (self.value(name), after)) {
                Some((Placeholder::Known(value), after)) => {
                    let is_option =
                        expanded.is_empty() && value.starts_with(['-', '@']) && word != "{config}";
                    expanded.push_str(if is_option { "./" } else { "" });
                    expanded.push_str(&value);
                    rest = after;
                }
                Some((Placeholder::Missing, _)) => return None,
                Some((Placeholder::None, _)) | None => {
                    expanded.push('{');
                    rest = after;
                }
            }
        }
        expanded.push_str(rest);
        Some(expanded)
    }

    fn value(&self, name: &str) -> Placeholder {
        let request = self.request;
        let value = match name {
            "path" => Some(self.relative(request.path).to_owned()),
            "directory" => Some(match self.relative(request.directory()) {
                "" => ".".to_owned(),
                directory => directory.to_owned(),
            }),
            "root" => Some(request.root.to_owned()),
            "scratch" => Some(request.scratch.to_owned()),
            "edition" => request.edition.map(str::to_owned),
            "config" => request
                .config
                .and_then(|(path, file)| Some(file.argument?.replace("{config}", path))),
            _ => return Placeholder::None,
        };
        value.map_or(Placeholder::Missing, Placeholder::Known)
    }

    fn relative<'a>(&self, path: &'a str) -> &'a str {
        let rest = path.strip_prefix(self.directory).unwrap_or(path);
        rest.strip_prefix('/').unwrap_or(rest)
    }
}

enum Placeholder {
    Known(String),
    Missing,
    None,
}

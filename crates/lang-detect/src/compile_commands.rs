//! What a `compile_commands.json` says about the languages of C, C++ and Objective-C files.

use crate::Language;
use crate::language::with_extension;
use crate::path;

/// How many entries are kept.
const ENTRIES_MAX: usize = 100_000;

/// The files that a project compiles, with their languages.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::{CompileCommands, Input, Language, examine};
///
/// let commands = CompileCommands::parse(
///     r#"[{"directory": "/p", "command": "c++ -c src/a.cc", "file": "src/a.cc"}]"#,
/// );
/// let input = Input {
///     compile_commands: Some(&commands),
///     ..Input::new("src/a.h", b"int f(void);\n")
/// };
/// assert_eq!(examine(&input).language, Some(Language::Cpp));
/// ```
#[derive(Debug, Clone, Default)]
pub struct CompileCommands {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    file: String,
    language: Language,
    /// Whether the command names the language, instead of the extension.
    is_told: bool,
}

impl CompileCommands {
    /// Reads as much of the text as can be understood.
    ///
    /// # Complexity
    ///
    /// Linear in the text; keeps at most 100,000 entries.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut entries = Vec::new();
        let mut reader = Strings { text, at: 0 };
        let mut object = Object::default();
        while let Some(event) = reader.next() {
            match event {
                Event::Open => object = Object::default(),
                Event::Close => {
                    if entries.len() < ENTRIES_MAX {
                        entries.extend(object.entry());
                    }
                    object = Object::default();
                }
                Event::String(value) => object.take(value, reader.is_key()),
            }
        }
        Self { entries }
    }

    /// The language that a file is compiled as.
    pub(crate) fn of_source(&self, path: &str) -> Option<Language> {
        let path = path.trim_start_matches("./");
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.is_told && same_file(&entry.file, path))?;
        Some(entry.language)
    }

    /// The language of a header: of the source of its name, of those in its folder, or of all.
    pub(crate) fn of_header(&self, header: &str) -> Option<Language> {
        let place = path::split(header);
        let namesakes =
            |entry: &Entry| path::stem(path::split(&entry.file).name) == path::stem(place.name);
        let near = |entry: &Entry| {
            let folder = path::split(&entry.file).folder;
            !place.folder.is_empty() && same_file(folder, place.folder)
        };
        self.unanimous(namesakes)
            .or_else(|| self.unanimous(near))
            .or_else(|| self.unanimous(|_| true))
    }

    fn unanimous(&self, holds: impl Fn(&Entry) -> bool) -> Option<Language> {
        let mut found = None;
        for entry in self.entries.iter().filter(|entry| holds(entry)) {
            match found {
                None => found = Some(entry.language),
                Some(language) if language == entry.language => {}
                Some(_) => return None,
            }
        }
        found
    }
}

/// Whether a compiled file, which may be named from the root of the disk, is the one of a path.
fn same_file(compiled: &str, path: &str) -> bool {
    let compiled = compiled.trim_start_matches("./");
    compiled
        .strip_suffix(path)
        .is_some_and(|before| before.is_empty() || before.ends_with(['/', '\\']))
}

/// What was read of one entry.
#[derive(Debug, Default)]
struct Object {
    key: String,
    file: Option<String>,
    told: Option<Language>,
    /// The argument before was `-x`.
    is_after_x: bool,
}

impl Object {
    fn take(&mut self, value: String, is_key: bool) {
        if is_key {
            self.key = value;
            return;
        }
        match self.key.as_str() {
            "file" => self.file = Some(value),
            "command" => value
                .split_ascii_whitespace()
                .for_each(|it| self.argument(it)),
            "arguments" => self.argument(&value),
            _ => {}
        }
    }

    fn argument(&mut self, argument: &str) {
        if self.is_after_x {
            self.told = option(argument);
        } else if let Some(language) = argument.strip_prefix("-x").filter(|it| !it.is_empty()) {
            self.told = option(language).or(self.told);
        }
        self.is_after_x = argument == "-x";
    }

    fn entry(&mut self) -> Option<Entry> {
        let file = self.file.take()?;
        let language = self.told.or_else(|| by_extension(&file))?;
        Some(Entry {
            file,
            language,
            is_told: self.told.is_some(),
        })
    }
}

fn option(language: &str) -> Option<Language> {
    match language.trim_end_matches("-header") {
        "c" => Some(Language::C),
        "c++" => Some(Language::Cpp),
        "objective-c" => Some(Language::ObjectiveC),
        "objective-c++" => Some(Language::ObjectiveCpp),
        _ => None,
    }
}

fn by_extension(file: &str) -> Option<Language> {
    let extension = path::last_extension(path::split(file).name)?;
    match extension {
        "C" => return Some(Language::Cpp),
        "m" => return Some(Language::ObjectiveC),
        "mm" => return Some(Language::ObjectiveCpp),
        _ => {}
    }
    let mut buffer = [0; path::EXTENSION_BYTES_MAX];
    match with_extension(path::lower(extension, &mut buffer)?) {
        [only @ (Language::C | Language::Cpp)] => Some(*only),
        _ => None,
    }
}

/// The strings and braces of a JSON text; what is between them does not matter here.
#[derive(Debug)]
struct Strings<'a> {
    text: &'a str,
    at: usize,
}

#[derive(Debug)]
enum Event {
    Open,
    Close,
    String(String),
}

impl Strings<'_> {
    /// Whether the string that was just read is followed by a colon.
    fn is_key(&self) -> bool {
        self.text[self.at..].trim_start().starts_with(':')
    }

    fn string(&mut self) -> String {
        let mut value = String::new();
        let mut letters = self.text[self.at..].char_indices();
        while let Some((offset, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += offset + 1;
                    return value;
                }
                '\\' => match letters.next() {
                    Some((_, 'n' | 't' | 'r')) => value.push(' '),
                    Some((_, other)) => value.push(other),
                    None => break,
                },
                other => value.push(other),
            }
        }
        self.at = self.text.len();
        value
    }
}

impl Iterator for Strings<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let offset = self.text[self.at..].find(['{', '}', '"'])?;
        self.at += offset + 1;
        Some(match self.text.as_bytes()[self.at - 1] {
            b'{' => Event::Open,
            b'}' => Event::Close,
            _ => Event::String(self.string()),
        })
    }
}

//! The languages that can be told apart, and what is known of each.

mod generated;

use std::fmt;

pub use generated::Language;

use generated::{ALL, EXTENSIONS, FACTS, FILE_NAMES, INTERPRETERS, NAMES};

/// What kind of language one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tells a machine what to do.
    Programming,
    /// Holds data.
    Data,
    /// Structures a text or a page.
    Markup,
    /// Is read by people.
    Prose,
}

/// What the data say of one language.
#[derive(Debug)]
struct Facts {
    name: &'static str,
    kind: Kind,
    group: Option<Language>,
    extensions: &'static [&'static str],
    file_names: &'static [&'static str],
    interpreters: &'static [&'static str],
    aliases: &'static [&'static str],
}

impl Language {
    /// Every language, in the order of their names.
    pub const ALL: &'static [Self] = &ALL;

    /// The language of a name or alias, for example `C++`, `cpp` or `json-with-comments`.
    ///
    /// Case does not matter, and a hyphen may stand for a blank, as in `.gitattributes`.
    ///
    /// # Examples
    ///
    /// ```
    /// use claude_flow_lang_detect::Language;
    ///
    /// assert_eq!(Language::from_name("cpp"), Some(Language::Cpp));
    /// assert_eq!(Language::from_name("Emacs-Lisp"), Some(Language::EmacsLisp));
    /// assert_eq!(Language::from_name("no such thing"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut key = name.trim().to_ascii_lowercase();
        if key.contains(' ') {
            key = key.replace(' ', "-");
        }
        lookup(&NAMES, &key).first().copied()
    }

    /// The name that github-linguist uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What kind of language it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.facts().kind
    }

    /// The language that it is counted with, if it is counted with another one.
    ///
    /// ```
    /// use claude_flow_lang_detect::Language;
    ///
    /// assert_eq!(Language::Tsx.group(), Some(Language::TypeScript));
    /// ```
    #[must_use]
    pub fn group(self) -> Option<Self> {
        self.facts().group
    }

    /// Its extensions without the first dot, the most usual one first.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        self.facts().extensions
    }

    /// The names of files that are always in this language.
    #[must_use]
    pub fn file_names(self) -> &'static [&'static str] {
        self.facts().file_names
    }

    /// The programs that run it.
    #[must_use]
    pub fn interpreters(self) -> &'static [&'static str] {
        self.facts().interpreters
    }

    /// Its other names.
    #[must_use]
    pub fn aliases(self) -> &'static [&'static str] {
        self.facts().aliases
    }

    fn facts(self) -> &'static Facts {
        // The discriminants count from 0 in the order of the table.
        &FACTS[self as usize]
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The languages with an extension, which is in lower case and without its first dot.
pub(crate) fn with_extension(extension: &str) -> &'static [Language] {
    let languages = lookup(&EXTENSIONS, extension);
    if languages.is_empty() {
        let further = FURTHER_EXTENSIONS.iter();
        let mut found = further.filter(|(known, _)| *known == extension);
        return found.next().map_or(&[], |(_, languages)| languages);
    }
    languages
}

/// Extensions that are in use and not in the data.
const FURTHER_EXTENSIONS: &[(&str, &[Language])] = &[
    ("c++m", &[Language::Cpp]),
    ("ccm", &[Language::Cpp]),
    ("cxxm", &[Language::Cpp]),
    ("mpp", &[Language::Cpp]),
    ("ndjson", &[Language::Json]),
];

/// The languages with a whole name of a file.
pub(crate) fn with_file_name(name: &str) -> &'static [Language] {
    lookup(&FILE_NAMES, name)
}

/// The languages that a program runs.
pub(crate) fn with_interpreter(program: &str) -> &'static [Language] {
    lookup(&INTERPRETERS, program)
}

fn lookup(table: &'static [(&str, &[Language])], key: &str) -> &'static [Language] {
    table
        .binary_search_by(|(candidate, _)| (*candidate).cmp(key))
        .map_or(&[], |index| table[index].1)
}

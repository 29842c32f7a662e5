//! What an edit changed: which kind of content, and which words.

use std::collections::BTreeSet;

use claude_flow_lang_detect::test_files::is_test;
use claude_flow_lang_detect::{Input, Kind as LanguageKind, Language, examine};

use super::event::{Kind, Words};
use crate::lexical::{self, Token, lex};
use crate::reports::{Failure, Reason};

/// The most words of one list.
pub const WORDS_MAX: usize = 256;

/// The largest content whose words are looked at, in bytes.
pub const CONTENT_BYTES_MAX: usize = 256 * 1024;

/// The longest word that is kept, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// How much of a runner's message is searched for words, in bytes.
const MESSAGE_BYTES_MAX: usize = 4096;

/// A file before and after an edit.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// The path relative to the workspace.
    pub path: &'a str,
    /// The content before: `None` if it is not known, `Some(None)` if there was no file.
    pub before: Option<Option<&'a [u8]>>,
    /// The content after.
    pub after: &'a [u8],
}

/// The kind of an edit and its words; no words of what is neither code nor test, is no UTF-8, or is larger than
/// [`CONTENT_BYTES_MAX`].
///
/// # Complexity
///
/// Linear in the contents, but for sorting their words.
#[must_use]
pub fn describe(contents: &Contents<'_>) -> (Kind, Option<Words>) {
    let Contents { path, after, .. } = *contents;
    let (kind, language) = kind_of(path, after);
    let (Kind::Source | Kind::Test, Some(language)) = (kind, language) else {
        return (kind, None);
    };
    let before = contents.before.map(Option::unwrap_or_default);
    let is_small = |it: &[u8]| it.len() <= CONTENT_BYTES_MAX;
    if !is_small(after) || !before.is_none_or(is_small) {
        return (kind, None);
    }
    let Ok(after) = std::str::from_utf8(after) else {
        return (kind, None);
    };
    let before = before.map(std::str::from_utf8).transpose().ok().flatten();
    let after = Scanned::new(after, language);
    let before = before.map(|it| Scanned::new(it, language));
    let kind = refine(kind, before.as_ref(), &after);
    if kind == Kind::Cosmetic {
        return (kind, None);
    }
    let mut words = words(before.as_ref(), &after);
    if matches!(contents.before, Some(None)) {
        let of_path = path
            .split(|it: char| !is_word(it))
            .filter(|it| it.len() > 1);
        words.touched.extend(of_path.map(str::to_owned));
        words.touched.sort_unstable();
        words.touched.dedup();
    }
    (kind, Some(words))
}

/// The kind that a file's path tells.
#[must_use]
pub fn kind_of_path(path: &str) -> Kind {
    kind_of(path, b"").0
}

/// Languages in which builds are described rather than programs written.
const BUILD_LANGUAGES: &[&str] = &[
    "CMake",
    "Dockerfile",
    "Makefile",
    "Meson",
    "Nix",
    "Starlark",
];

/// Programs that are settings, by name.
const BUILD_FILES: &[&str] = &[
    "build.rs",
    "noxfile.py",
    "setup.py",
    "gulpfile.js",
    "Gruntfile.js",
];

fn kind_of(path: &str, content: &[u8]) -> (Kind, Option<Language>) {
    let answer = examine(&Input::new(path, content));
    let language = answer.language;
    let name = path.rsplit('/').next().unwrap_or(path);
    let flags = answer.flags;
    let is_settings = BUILD_FILES.contains(&name)
        || name
            .rsplit_once('.')
            .is_some_and(|(stem, _)| stem.ends_with(".config"))
        || language.is_some_and(|it| BUILD_LANGUAGES.contains(&it.name()));
    let is_program = language.is_some_and(|it| {
        it.kind() == LanguageKind::Programming || matches!(it.name(), "Vue" | "Svelte")
    });
    let kind = if flags.is_generated() || flags.is_vendored() || flags.is_binary() {
        Kind::Generated
    } else if is_settings {
        Kind::Configuration
    } else if is_program && (is_test(path, language) || name == "conftest.py") {
        Kind::Test
    } else if flags.is_documentation()
        || language.is_some_and(|it| it.kind() == LanguageKind::Prose)
    {
        Kind::Documentation
    } else if is_program {
        Kind::Source
    } else {
        Kind::Configuration
    };
    (kind, language)
}

/// A text and its tokens.
struct Scanned<'a> {
    text: &'a str,
    language: Language,
    tokens: Vec<Token>,
}

impl<'a> Scanned<'a> {
    fn new(text: &'a str, language: Language) -> Self {
        let tokens = lex(text, language).tokens;
        Self {
            text,
            language,
            tokens,
        }
    }

    fn of(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// The tokens as they matter: with the column of a line's first one where layout has a meaning.
    fn meaning(&self, is_wanted: impl Fn(usize) -> bool) -> Vec<(&'a str, usize)> {
        let has_layout = self.language == Language::Python;
        let mut behind = 0;
        let mut meaning = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let gap = &self.text[behind..token.start];
            let begins_text = (behind == 0).then_some(0);
            let line = gap.rfind('\n').map(|it| it + 1).or(begins_text);
            behind = token.end;
            if is_wanted(index) {
                let column = line
                    .filter(|_| has_layout)
                    .map_or(0, |it| gap.len() - it + 1);
                meaning.push((self.of(*token), column));
            }
        }
        meaning
    }

    /// Which tokens are in a module of tests, `#[cfg(test)] mod tests { … }`.
    fn inline_tests(&self) -> Vec<bool> {
        const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        let mut within = vec![false; self.tokens.len()];
        let mut at = 0;
        while self.language == Language::Rust && at + MARK.len() < self.tokens.len() {
            let here = self.tokens[at..].iter().map(|it| self.of(*it));
            if !here.take(MARK.len()).eq(MARK) {
                at += 1;
                continue;
            }
            let end = self.end_of_item(at + MARK.len());
            within[at..end].fill(true);
            at = end;
        }
        within
    }

    /// Where the item ends that begins at a token: behind its braces or its semicolon.
    fn end_of_item(&self, start: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(start) {
            match self.of(*token) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && self.of(*token) == "}" {
                        return index + 1;
                    }
                }
                ";" if depth == 0 => return index + 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn words(&self) -> impl Iterator<Item = &'a str> + '_ {
        let words = self
            .tokens
            .iter()
            .filter(|it| it.kind == lexical::Kind::Word);
        words.map(|token| self.of(*token))
    }
}

/// Which parts of the text the edit changed.
fn refine(kind: Kind, before: Option<&Scanned<'_>>, after: &Scanned<'_>) -> Kind {
    let in_tests = after.inline_tests();
    let Some(before) = before else {
        let has_tests = kind == Kind::Source && in_tests.contains(&true);
        return if has_tests { Kind::Both } else { kind };
    };
    let in_tests_before = before.inline_tests();
    let is_changed = |part: bool| {
        before.meaning(|index| in_tests_before[index] == part)
            != after.meaning(|index| in_tests[index] == part)
    };
    match (is_changed(false), is_changed(true)) {
        (false, false) => Kind::Cosmetic,
        (false, true) => Kind::Test,
        (true, true) if kind == Kind::Source => Kind::Both,
        (true, _) => kind,
    }
}

fn words(before: Option<&Scanned<'_>>, after: &Scanned<'_>) -> Words {
    let lines_before: BTreeSet<&str> = before
        .iter()
        .flat_map(|it| it.text.lines())
        .map(str::trim)
        .collect();
    let mut touched = BTreeSet::new();
    let mut tokens = after.tokens.iter().peekable();
    let mut start = 0;
    for line in after.text.split_inclusive('\n') {
        let end = start + line.len();
        let is_new = !lines_before.contains(line.trim());
        while let Some(token) = tokens.next_if(|it| it.start < end) {
            if is_new && token.kind == lexical::Kind::Word {
                touched.insert(after.of(*token));
            }
        }
        start = end;
    }
    let known = before.map(declared).unwrap_or_default();
    let declared: BTreeSet<&str> = declared(after).difference(&known).copied().collect();
    let is_unused = |name: &&&str| after.words().filter(|word| *word == **name).count() == 1;
    let unused = declared.iter().filter(is_unused).copied();
    Words {
        unused: kept(unused),
        declared: kept(declared.iter().copied()),
        touched: kept(touched.into_iter()),
    }
}

fn kept<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let short = words.filter(|it| it.len() <= WORD_BYTES_MAX);
    short.take(WORDS_MAX).map(str::to_owned).collect()
}

/// What stands before a name that is declared.
const DECLARES: &[&str] = &[
    "class",
    "def",
    "enum",
    "fn",
    "func",
    "function",
    "interface",
    "struct",
    "trait",
    "type",
    "union",
];

/// Words before a parenthesis that call or control, and declare nothing.
const CONTROLS: &[&str] = &[
    "await", "case", "catch", "do", "else", "for", "if", "in", "match", "new", "not", "return",
    "sizeof", "super", "switch", "throw", "typeof", "while", "with", "yield",
];

/// Names that are called from outside of the program.
const ENTRANCES: &[&str] = &["constructor", "drop", "fmt", "init", "main", "toString"];

/// The functions and types that a text declares, by the look of their tokens.
fn declared<'a>(scanned: &Scanned<'a>) -> BTreeSet<&'a str> {
    let tokens = &scanned.tokens;
    let text = |index: usize| tokens.get(index).map_or("", |it| scanned.of(*it));
    let is_word = |index: usize| {
        tokens
            .get(index)
            .is_some_and(|it| it.kind == lexical::Kind::Word)
    };
    let mut names = BTreeSet::new();
    for index in 0..tokens.len() {
        if !is_word(index) {
            continue;
        }
        if DECLARES.contains(&text(index)) {
            // A method of Go has its receiver in between.
            let at = if text(index) == "func" && text(index + 1) == "(" {
                closing(scanned, index + 1) + 1
            } else {
                index + 1
            };
            if is_word(at) {
                names.insert(text(at));
            }
        } else if text(index + 1) == "(" && !CONTROLS.contains(&text(index)) {
            let behind = text(closing(scanned, index + 1) + 1);
            let is_after_type =
                index > 0 && is_word(index - 1) && !CONTROLS.contains(&text(index - 1));
            if behind == "{" || is_after_type && matches!(behind, "throws" | "const" | "noexcept") {
                names.insert(text(index));
            }
        } else if text(index + 1) == "=" && (text(index + 2) == "(" || text(index + 2) == "async") {
            let end = closing(scanned, index + 2);
            if text(end + 1) == "=" && text(end + 2) == ">" {
                names.insert(text(index));
            }
        }
    }
    names.retain(|name| !ENTRANCES.contains(name) && !name.starts_with("__"));
    names
}

/// The token that closes a parenthesis, or the last one.
fn closing(scanned: &Scanned<'_>, open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in scanned.tokens.iter().enumerate().skip(open) {
        match token.kind {
            lexical::Kind::Open => depth += 1,
            lexical::Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    scanned.tokens.len()
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

/// The words of a message that tells of something missing: those in quotes if there are any.
pub(super) fn words_of(failure: &Failure) -> Vec<String> {
    let message = failure.message.as_str();
    if failure.reason != Reason::MissingSymbol {
        return Vec::new();
    }
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let message = &message[..end];
    let split = |text: &str, into: &mut BTreeSet<String>| {
        let words = text.split(|it| !is_word(it));
        let words =
            words.filter(|it| it.len() > 1 && !it.starts_with(|it: char| it.is_ascii_digit()));
        into.extend(
            words
                .filter(|it| it.len() <= WORD_BYTES_MAX)
                .map(str::to_owned),
        );
    };
    let mut words = BTreeSet::new();
    for line in message.lines() {
        let parts = line.split(['\'', '"', '`', '‘', '’']).collect::<Vec<_>>();
        parts
            .iter()
            .skip(1)
            .step_by(2)
            .filter(|_| parts.len() > 2)
            .for_each(|it| split(it, &mut words));
    }
    if words.is_empty() {
        split(message, &mut words);
    }
    words.into_iter().take(WORDS_MAX).collect()
}

//! Asks each kind of evidence in turn.

use crate::candidates::Candidates;
use crate::classifier::Model;
use crate::header::{self, Sniffed};
use crate::language::{with_extension, with_file_name};
use crate::path::{self, Place};
use crate::siblings::Sibling;
use crate::{
    Attributes, CompileCommands, Flags, Language, flags, folders, heuristics, modeline, shebang,
    siblings,
};

/// How many bytes of the content are read at most; of a longer one also the last few lines.
pub const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// A language and what decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection {
    /// The language.
    pub language: Language,
    /// What decided.
    pub evidence: Evidence,
}

/// Everything that is known of a file.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::{Evidence, Input, Language, Sibling, examine};
///
/// let header = Input::new("include/a.h", b"int f(void);\n");
/// assert_eq!(examine(&header).language, Some(Language::C));
/// let in_cpp = Input {
///     siblings: &[Sibling::new("src/a.cpp")],
///     ..header
/// };
/// let answer = examine(&in_cpp);
/// assert_eq!(answer.language, Some(Language::Cpp));
/// assert_eq!(answer.evidence, Some(Evidence::Siblings));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Where the file is, relative to the project's root; with `/` or `\`.
    pub path: &'a str,
    /// What it holds, or the beginning of it.
    pub content: &'a [u8],
    /// What the project's `.gitattributes` say.
    pub attributes: Option<&'a Attributes>,
    /// Other files of the project, at most 4,096 of which are looked at.
    pub siblings: &'a [Sibling<'a>],
    /// What the project compiles.
    pub compile_commands: Option<&'a CompileCommands>,
}

impl<'a> Input<'a> {
    /// A file of whose project nothing is known.
    #[must_use]
    pub const fn new(path: &'a str, content: &'a [u8]) -> Self {
        Self {
            path,
            content,
            attributes: None,
            siblings: &[],
            compile_commands: None,
        }
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The language; `None` is "not sure".
    pub language: Option<Language>,
    /// What decided; without a language, what was asked last.
    pub evidence: Option<Evidence>,
    /// How far the answer can be relied on.
    pub confidence: Confidence,
    /// Other languages that it could be, the likeliest first.
    pub runners_up: Candidates,
    /// What else there is to say of the file, whatever its language.
    pub flags: Flags,
}

/// What decided an [`Answer`], in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Evidence {
    /// `linguist-language` in a `.gitattributes` file.
    Override,
    /// What the file tells an editor.
    Modeline,
    /// The file's whole name, for example `tsconfig.json`.
    FileName,
    /// The interpreter named on the first line.
    Shebang,
    /// The file's extension.
    Extension,
    /// The first bytes, where the extension is shared with data formats.
    Header,
    /// The content, where the extension is shared by several languages.
    Content,
    /// What the project compiles.
    CompileCommands,
    /// The files around.
    Siblings,
    /// The names of the folders that the file lies in.
    Folder,
    /// The likeness to files of known languages.
    Classifier,
}

/// How far an answer can be relied on; `cargo xtask detect-corpus` prints how often each level is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing speaks for any language.
    None,
    /// A guess: what the extension mostly means, or a likeness.
    Low,
    /// Something speaks for another language as well, or the files around decided.
    Medium,
    /// One kind of evidence that nothing speaks against.
    High,
    /// Somebody said so: an override.
    Certain,
}

impl Evidence {
    /// A short name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Modeline => "modeline",
            Self::FileName => "file name",
            Self::Shebang => "shebang",
            Self::Extension => "extension",
            Self::Header => "header",
            Self::Content => "content",
            Self::CompileCommands => "compile commands",
            Self::Siblings => "siblings",
            Self::Folder => "folder",
            Self::Classifier => "classifier",
        }
    }
}

impl Confidence {
    /// A short name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Certain => "certain",
        }
    }
}

/// Tells the language of a file of whose project nothing is known, or `None` for "not sure".
///
/// `path` may use `/` or `\` and need not exist.
/// Of `content`, at most [`CONTENT_BYTES_MAX`] bytes are read.
/// Guesses of the lowest confidence are not told: [`examine`] has them.
///
/// # Complexity
///
/// Constant for most extensions; linear in the bytes read where an extension is shared.
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
    let finding = find(&Input::new(path, content));
    let is_guess = finding.evidence == Some(Evidence::Classifier);
    Some(Detection {
        language: finding.language.filter(|_| !is_guess)?,
        evidence: finding.evidence?,
    })
}

/// Tells everything about a file.
///
/// # Complexity
///
/// As [`detect`], plus the flags: linear in at most the first 64 KiB and in the siblings looked at.
#[must_use]
pub fn examine(input: &Input<'_>) -> Answer {
    let finding = find(input);
    Answer {
        language: finding.language,
        evidence: finding.evidence,
        confidence: finding.confidence,
        runners_up: finding.runners_up,
        flags: flags::of(input, finding.language),
    }
}

/// An [`Answer`] without its flags.
#[derive(Debug, Clone, Copy)]
struct Finding {
    language: Option<Language>,
    evidence: Option<Evidence>,
    confidence: Confidence,
    runners_up: Candidates,
}

impl Finding {
    fn sure(language: Language, evidence: Evidence) -> Self {
        Self {
            language: Some(language),
            evidence: Some(evidence),
            confidence: Confidence::High,
            runners_up: Candidates::default(),
        }
    }

    fn not_sure(evidence: Option<Evidence>, candidates: &[Language]) -> Self {
        Self {
            language: None,
            evidence,
            confidence: Confidence::None,
            runners_up: Candidates::of(candidates, None),
        }
    }

    fn with(mut self, confidence: Confidence, candidates: &[Language]) -> Self {
        self.confidence = confidence;
        self.runners_up = Candidates::of(candidates, self.language);
        self
    }
}

fn find(input: &Input<'_>) -> Finding {
    let overridden = input
        .attributes
        .and_then(|attributes| attributes.of(input.path).language);
    if let Some(language) = overridden {
        return Finding::sure(language, Evidence::Override).with(Confidence::Certain, &[]);
    }
    let place = path::split(input.path);
    let extension = Extension::of(place.name);
    if let Some(language) =
        modeline::language(input.content).filter(|language| is_believed(*language, &extension))
    {
        return Finding::sure(language, Evidence::Modeline);
    }
    let content = &input.content[..input.content.len().min(CONTENT_BYTES_MAX)];
    let by_name = by_file_name(input.path, place.name, content).or_else(|| {
        let name = original(place.name).filter(|_| with_file_name(place.name).is_empty())?;
        by_file_name(input.path, name, content)
    });
    if let Some(language) = by_name {
        return Finding::sure(language, Evidence::FileName);
    }
    if let Some(language) = by_shebang(content, &extension) {
        return Finding::sure(language, Evidence::Shebang);
    }
    match extension.languages {
        [] => without_extension(place, content),
        languages => by_extension(input, &extension, languages, content),
    }
}

/// The known extension of a name.
#[derive(Debug)]
struct Extension {
    /// In lower case without the first dot; empty if none is known.
    lower: String,
    languages: &'static [Language],
    is_upper_case: bool,
}

/// What is put behind a name without changing the language.
const SUFFIXES: &[&str] = &[
    "in", "template", "tmpl", "sample", "example", "dist", "bak", "orig", "old", "save",
    "disabled", "default", "skel", "tpl", "new", "tmp", "off", "golden", "expected", "inc",
];

/// How many suffixes a name may have: `a.sql.in.orig` has two.
const SUFFIX_COUNT_MAX: usize = 3;

/// A name without what only says that the file is a template or a copy, if something says so.
fn original(name: &str) -> Option<&str> {
    let mut rest = name.trim_end_matches('~');
    for _ in 0..SUFFIX_COUNT_MAX {
        match rest.rsplit_once('.') {
            Some((stem, suffix)) if !stem.is_empty() && is_suffix(suffix) => rest = stem,
            _ => break,
        }
    }
    (rest.len() < name.len()).then_some(rest)
}

fn is_suffix(suffix: &str) -> bool {
    SUFFIXES
        .iter()
        .any(|known| suffix.eq_ignore_ascii_case(known))
}

impl Extension {
    /// The longest known extension; behind what only says that a file is a template or a copy.
    fn of(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let found = Self::longest(&lower, name);
        if found.languages.is_empty()
            && let Some(original) = original(&lower)
        {
            return Self::longest(original, name);
        }
        found
    }

    fn longest(lower: &str, name: &str) -> Self {
        let skipped = lower.chars().next().map_or(0, char::len_utf8);
        let mut rest = &lower[skipped..];
        while let Some(at) = rest.find('.') {
            rest = &rest[at + 1..];
            let languages = with_extension(rest);
            if !languages.is_empty() {
                let start = lower.len() - rest.len();
                let written = name.get(start..start + rest.len()).unwrap_or(rest);
                return Self {
                    lower: rest.to_owned(),
                    languages,
                    is_upper_case: written != rest,
                };
            }
        }
        Self {
            lower: String::new(),
            languages: &[],
            is_upper_case: false,
        }
    }
}

/// Whether a modeline is taken at its word.
///
/// In files of other languages, the modes of C, C++ and Java are often chosen for their indentation;
/// an extension that is a programming language's own is believed rather than them.
fn is_believed(language: Language, extension: &Extension) -> bool {
    let is_for_indentation = matches!(
        language,
        Language::C | Language::Cpp | Language::Java | Language::ObjectiveC | Language::Perl
    );
    // Octave's files name the language of their help text: `-*- texinfo -*-`.
    let is_code = is_programming(language);
    let all_code =
        !extension.languages.is_empty() && extension.languages.iter().all(|it| is_programming(*it));
    if !is_code && all_code && !extension.languages.contains(&language) {
        return false;
    }
    match extension.languages {
        [only] => !is_for_indentation || *only == language || !is_programming(*only),
        [] => true,
        several => !is_for_indentation || several.contains(&language),
    }
}

fn is_programming(language: Language) -> bool {
    language.kind() == crate::Kind::Programming
}

/// Configuration files of tools that allow comments in them; the data do not have these.
const JSON_WITH_COMMENTS: &[&str] = &[
    ".jshintrc",
    ".oxlintrc.json",
    "argv.json",
    "biome.json",
    "deno.json",
    "nx.json",
    "oxlintrc.json",
    "project.json",
    "rush.json",
    "turbo.json",
    "typedoc.json",
    "language-subtag-registry.json",
    "babel.config.json",
    "wrangler.json",
];

/// Further names that the data do not have, in lower case.
const FILE_NAMES: &[(&str, Language)] = &[
    ("pdm.lock", Language::Toml),
    ("pubspec.lock", Language::Yaml),
    ("uv.lock", Language::Toml),
    ("poetry.lock", Language::Toml),
    ("cargo.lock", Language::Toml),
    ("gopkg.lock", Language::Toml),
    ("pipfile", Language::Toml),
    ("pipfile.lock", Language::Json),
    ("mcmod.info", Language::Json),
    ("citation.cff", Language::Yaml),
    ("containerfile", Language::Dockerfile),
    ("wscript", Language::Python),
    ("sconstruct", Language::Python),
    ("sconscript", Language::Python),
    (".gemrc", Language::Yaml),
    ("jakefile", Language::JavaScript),
];

/// Names that keep their meaning with anything behind a dot: `Dockerfile.dev`.
const STEMS: &[(&str, Language)] = &[
    ("dockerfile", Language::Dockerfile),
    ("containerfile", Language::Dockerfile),
    ("makefile", Language::Makefile),
    ("gnumakefile", Language::Makefile),
    ("jenkinsfile", Language::Groovy),
    ("vagrantfile", Language::Ruby),
    ("gemfile", Language::Ruby),
    ("rakefile", Language::Ruby),
    ("brewfile", Language::Ruby),
];

fn by_file_name(path: &str, name: &str, content: &[u8]) -> Option<Language> {
    let lower = name.to_ascii_lowercase();
    let extension = path::last_extension(&lower).unwrap_or_default();
    let is_json = extension == "json";
    let is_editor_setting = is_json && path::folders(path).last() == Some(".vscode");
    let is_typescript_config =
        is_json && (lower.starts_with("tsconfig.") || lower.starts_with("jsconfig."));
    if is_editor_setting || is_typescript_config || JSON_WITH_COMMENTS.contains(&&*lower) {
        return Some(Language::JsonWithComments);
    }
    if let Some((_, language)) = FILE_NAMES.iter().find(|(known, _)| *known == lower) {
        return Some(*language);
    }
    match with_file_name(name) {
        [] => {}
        [only] => return Some(*only),
        several => return among_named(several, content),
    }
    if lower.starts_with(".env.") && !matches!(extension, "js" | "ts" | "sh") {
        return Some(Language::Dotenv);
    }
    let (stem, rest) = lower.split_once('.')?;
    let (_, language) = STEMS.iter().find(|(known, _)| *known == stem)?;
    let is_other = rest
        .rsplit('.')
        .next()
        .is_some_and(|last| !with_extension(last).is_empty());
    (!is_other).then_some(*language)
}

/// Of languages that share a file's name: the data formats are told by their first character.
fn among_named(languages: &'static [Language], content: &[u8]) -> Option<Language> {
    let first = content
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(content)
        .trim_ascii_start()
        .first();
    let is_json = matches!(first, Some(b'{' | b'[' | b'/'));
    let is_jsonic = |it: &&Language| matches!(it, Language::Json | Language::JsonWithComments);
    let json = languages.iter().find(is_jsonic);
    let other = languages.iter().find(|it| !is_jsonic(it));
    if is_json {
        json.or(other)
    } else {
        other.or(json)
    }
    .copied()
}

/// The language of the first line; among several that the program runs, the extension's.
fn by_shebang(content: &[u8], extension: &Extension) -> Option<Language> {
    let runs = shebang::languages(content);
    let first = runs.first()?;
    let own = runs.iter().find(|it| extension.languages.contains(it));
    Some(*own.unwrap_or(first))
}

fn without_extension(place: Place<'_>, content: &[u8]) -> Finding {
    if content.trim_ascii().is_empty() {
        return Finding::not_sure(None, &[]);
    }
    match header::sniff(content, true) {
        Some(Sniffed::Binary) => return Finding::not_sure(Some(Evidence::Header), &[]),
        Some(Sniffed::Text(language)) => return Finding::sure(language, Evidence::Header),
        None => {}
    }
    if let Some(language) = header::text_by_first_bytes(content) {
        return Finding::sure(language, Evidence::Header);
    }
    if path::last_extension(place.name) == Some("") {
        return Finding::not_sure(None, &[]);
    }
    classified(content, &[]).unwrap_or_else(|| Finding::not_sure(Some(Evidence::Classifier), &[]))
}

/// Extensions that data formats share although the data name one language for them.
const SHARED_WITH_DATA: &[&str] = &["ts", "tsx", "mts", "cts"];

/// Whether no binary format is known by an extension that nearly always means one language.
fn is_text_anyway(extension: &str) -> bool {
    let is_usual = heuristics::family(extension).is_some_and(|family| family.is_usual);
    is_usual && !SHARED_WITH_DATA.contains(&extension)
}

fn by_extension(
    input: &Input<'_>,
    extension: &Extension,
    languages: &'static [Language],
    content: &[u8],
) -> Finding {
    let lower = extension.lower.as_str();
    let shares_with_xml = languages.contains(&Language::Xml) || SHARED_WITH_DATA.contains(&lower);
    if shares_with_xml || languages.len() > 1 {
        match header::sniff(content, shares_with_xml) {
            // A stray zero byte does not unmake what an extension nearly always means.
            Some(Sniffed::Binary) if !is_text_anyway(lower) => {
                return Finding::not_sure(Some(Evidence::Header), languages);
            }
            Some(Sniffed::Text(language)) => return Finding::sure(language, Evidence::Header),
            Some(Sniffed::Binary) | None => {}
        }
    }
    // Unix tools read an upper-case `.C` or `.H` as C++.
    if extension.is_upper_case && matches!(lower, "c" | "h") && input.path.ends_with(['C', 'H']) {
        return Finding::sure(Language::Cpp, Evidence::Extension);
    }
    let commands = input.compile_commands;
    if let Some(told) = commands.and_then(|commands| commands.of_source(input.path)) {
        return Finding::sure(told, Evidence::CompileCommands);
    }
    match languages {
        [only] => Finding::sure(*only, Evidence::Extension),
        several => among(input, lower, several, content),
    }
}

/// Decides between the languages of one extension.
fn among(
    input: &Input<'_>,
    extension: &str,
    languages: &'static [Language],
    content: &[u8],
) -> Finding {
    let family = heuristics::family(extension);
    if let Some(verdict) = family.and_then(|family| family.decide(content)) {
        let mut finding = Finding::sure(verdict.language, Evidence::Content);
        if !verdict.is_clear {
            finding.confidence = Confidence::Medium;
        }
        finding.runners_up = verdict.runners_up;
        return finding;
    }
    let usual = family.filter(|family| family.is_usual);
    if let Some(language) = usual.and_then(|family| family.default) {
        return Finding::sure(language, Evidence::Extension);
    }
    let told = input
        .compile_commands
        .filter(|_| extension == "h")
        .and_then(|commands| commands.of_header(input.path))
        .filter(|language| languages.contains(language));
    if let Some(language) = told {
        return Finding::sure(language, Evidence::CompileCommands)
            .with(Confidence::Medium, languages);
    }
    if let Some(language) = siblings::language(input.path, languages, input.siblings) {
        return Finding::sure(language, Evidence::Siblings).with(Confidence::Medium, languages);
    }
    if ["h", "inc"].contains(&extension) && folders::are_for_cpp(input.path) {
        return Finding::sure(Language::Cpp, Evidence::Folder).with(Confidence::Low, languages);
    }
    match family.and_then(|family| family.default) {
        Some(language) => {
            Finding::sure(language, Evidence::Content).with(Confidence::Low, languages)
        }
        None => classified(content, languages)
            .unwrap_or_else(|| Finding::not_sure(Some(Evidence::Classifier), languages)),
    }
}

/// What the classifier says, among `languages` if there are any.
fn classified(content: &[u8], languages: &[Language]) -> Option<Finding> {
    let ranking = Model::built_in().rank(content, languages)?;
    let best = among_kin(ranking.best, content)
        .filter(|told| languages.is_empty() || languages.contains(told))
        .unwrap_or(ranking.best);
    let mut finding = Finding::sure(best, Evidence::Classifier);
    finding.confidence = Confidence::Low;
    finding.runners_up = ranking.runners_up;
    if best != ranking.best {
        finding.runners_up = Candidates::of(&[ranking.best], None);
    }
    if !ranking.is_likely {
        finding.runners_up = Candidates::default();
        finding.runners_up.push(ranking.best);
        for other in ranking.runners_up.iter() {
            finding.runners_up.push(other);
        }
        finding.language = None;
        finding.confidence = Confidence::None;
    }
    Some(finding)
}

/// Of languages that look alike, the one that the rules tell.
fn among_kin(best: Language, content: &[u8]) -> Option<Language> {
    match best {
        Language::C | Language::Cpp => {
            let family = heuristics::family("h")?;
            Some(
                family
                    .decide(content)
                    .map_or(best, |verdict| verdict.language),
            )
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let verdict = heuristics::family("*javascript")?.decide(content);
            let Some(verdict) = verdict else {
                return Some(Language::JavaScript);
            };
            let others = || verdict.runners_up.iter();
            let has_types = verdict.language == Language::TypeScript
                || others().any(|it| it == Language::TypeScript);
            let has_tags =
                verdict.language == Language::Tsx || others().any(|it| it == Language::Tsx);
            Some(match (has_types, has_tags) {
                (true, true) => Language::Tsx,
                (true, false) => Language::TypeScript,
                // JSX counts as JavaScript.
                (false, _) => Language::JavaScript,
            })
        }
        _ => None,
    }
}

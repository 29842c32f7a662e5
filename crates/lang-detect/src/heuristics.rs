//! Rules over the content, for extensions that several languages share.
//!
//! A family of extensions is a file of `data/heuristics`. A rule is a pattern for one line and the
//! weight with which it speaks for a language; lines are seen without comments and strings.

pub(crate) mod blank;
mod generated;
mod pattern;

use self::blank::Style;
use self::generated::{EXTENSIONS, FAMILIES};
use crate::Language;
use crate::candidates::Candidates;

/// How many bytes of a file the rules look at.
pub(crate) const RULES_BYTES_MAX: usize = 64 * 1024;

/// How often one rule counts.
const RULE_COUNT_MAX: u8 = 3;

/// A rule of this weight decides at once.
const DECISIVE: u8 = 9;

/// How many rules one family may have.
const RULES_MAX: usize = 128;

/// How many languages one family may tell apart.
const LANGUAGES_MAX: usize = 16;

/// The rules of some extensions.
#[derive(Debug)]
pub(crate) struct Family {
    comments: &'static [&'static str],
    /// What conditions name whose regions count for nothing.
    guards: &'static [&'static str],
    /// What an extension means if nothing in the content says otherwise.
    pub(crate) default: Option<Language>,
    /// Whether nearly every file with the extension is of the default, whatever is around it.
    pub(crate) is_usual: bool,
    rules: &'static [Rule],
}

#[derive(Debug)]
struct Rule {
    language: Language,
    /// From 1 to [`DECISIVE`].
    weight: u8,
    /// Whether it may match after other text in the line.
    is_anywhere: bool,
    ignores_case: bool,
    atoms: &'static [Atom],
}

/// A part of a pattern.
#[derive(Debug, Clone, Copy)]
enum Atom {
    Text(&'static str),
    Blanks,
    MaybeBlanks,
    Word,
    Capital,
    Digits,
    Any,
    End,
}

/// What the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) language: Language,
    /// Whether nothing speaks for another language.
    pub(crate) is_clear: bool,
    pub(crate) runners_up: Candidates,
}

/// The family of an extension in lower case.
pub(crate) fn family(extension: &str) -> Option<&'static Family> {
    EXTENSIONS
        .binary_search_by(|(candidate, _)| (*candidate).cmp(extension))
        .ok()
        .map(|index| &FAMILIES[usize::from(EXTENSIONS[index].1)])
}

impl Family {
    /// Asks the rules; `None` if none matches or two languages are equally likely.
    ///
    /// # Complexity
    ///
    /// Linear in the content times the rules that can begin at a place; copies the content once.
    pub(crate) fn decide(&self, content: &[u8]) -> Option<Verdict> {
        if self.rules.is_empty() {
            return None;
        }
        let content = &content[..content.len().min(RULES_BYTES_MAX)];
        let mut text = blank::comments_and_strings(content, Style::of(self.comments));
        if !self.guards.is_empty() {
            blank::guarded_regions(&mut text, self.guards);
        }
        let starts = Starts::of(self.rules);
        let mut tally = Tally::default();
        for line in text.split(|&byte| byte == b'\n') {
            if self.match_line(line, &starts, &mut tally) {
                break;
            }
        }
        tally.verdict()
    }

    /// Counts what matches in a line; true if that decides.
    fn match_line(&self, line: &[u8], starts: &Starts, tally: &mut Tally) -> bool {
        let Some(first) = line.iter().position(|byte| !is_blank(*byte)) else {
            return false;
        };
        if starts.line.has(line[first]) && self.match_at(line, first, first, tally) {
            return true;
        }
        if starts.anywhere.is_empty() {
            return false;
        }
        let mut before = b' ';
        for (at, &byte) in line.iter().enumerate() {
            let is_inside_word = is_word(byte) && is_word(before);
            if !is_inside_word
                && starts.anywhere.has(byte)
                && self.match_at(line, at, usize::MAX, tally)
            {
                return true;
            }
            before = byte;
        }
        false
    }

    fn match_at(&self, line: &[u8], at: usize, first: usize, tally: &mut Tally) -> bool {
        for (index, rule) in self.rules.iter().enumerate().take(RULES_MAX) {
            let is_asked = rule.is_anywhere == (at != first);
            if is_asked
                && tally.counts[index] < RULE_COUNT_MAX
                && pattern::matches(rule.atoms, rule.ignores_case, &line[at..])
            {
                tally.counts[index] += 1;
                tally.add(rule.language, rule.weight);
                if rule.weight >= DECISIVE {
                    tally.decided = Some(rule.language);
                    return true;
                }
            }
        }
        false
    }
}

/// The bytes with which rules can begin.
#[derive(Debug, Default)]
struct Starts {
    line: ByteSet,
    anywhere: ByteSet,
}

impl Starts {
    fn of(rules: &[Rule]) -> Self {
        let mut starts = Self::default();
        for rule in rules {
            let set = if rule.is_anywhere {
                &mut starts.anywhere
            } else {
                &mut starts.line
            };
            match rule.atoms.first() {
                Some(Atom::Text(text)) => {
                    let byte = text.as_bytes().first().copied().unwrap_or_default();
                    set.add(byte);
                    if rule.ignores_case {
                        set.add(byte.to_ascii_uppercase());
                    }
                }
                _ => set.fill(),
            }
        }
        starts
    }
}

#[derive(Debug, Default)]
struct ByteSet([u64; 4]);

impl ByteSet {
    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn fill(&mut self) {
        self.0 = [u64::MAX; 4];
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

/// Points for each language.
#[derive(Debug)]
struct Tally {
    counts: [u8; RULES_MAX],
    points: [(Option<Language>, u32); LANGUAGES_MAX],
    decided: Option<Language>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counts: [0; RULES_MAX],
            points: [(None, 0); LANGUAGES_MAX],
            decided: None,
        }
    }
}

impl Tally {
    fn add(&mut self, language: Language, weight: u8) {
        let slot = self
            .points
            .iter_mut()
            .find(|(there, _)| there.is_none_or(|there| there == language));
        if let Some((there, points)) = slot {
            *there = Some(language);
            *points += u32::from(weight);
        }
    }

    fn verdict(mut self) -> Option<Verdict> {
        // Stable: of equals the one that was seen first stays first.
        self.points
            .sort_by_key(|(_, points)| std::cmp::Reverse(*points));
        let mut ranked = self
            .points
            .iter()
            .filter_map(|&(language, points)| language.map(|language| (language, points)));
        let (best, most) = ranked.next()?;
        let second = ranked.next().map_or(0, |(_, points)| points);
        let language = self.decided.unwrap_or(best);
        if self.decided.is_none() && most == second {
            return None;
        }
        let mut runners_up = Candidates::default();
        for (other, _) in self.points {
            if let Some(other) = other.filter(|other| *other != language) {
                runners_up.push(other);
            }
        }
        Some(Verdict {
            language,
            is_clear: runners_up.is_empty(),
            runners_up,
        })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\x0c')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests;

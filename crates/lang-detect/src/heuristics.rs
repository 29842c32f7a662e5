//! Rules over the content, for extensions that several languages share.
//!
//! A family of extensions is a file of `data/heuristics`. A rule is a pattern for one line and the
//! weight with which it speaks for a language; lines are seen without comments and strings.

pub(crate) mod blank;
mod generated;
mod pattern;

use self::blank::Lines;
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
    /// Linear in the content times the rules that can begin at a place.
    pub(crate) fn decide(&self, content: &[u8]) -> Option<Verdict> {
        if self.rules.is_empty() {
            return None;
        }
        let content = &content[..content.len().min(RULES_BYTES_MAX)];
        let starts = Starts::of(self.rules);
        let mut tally = Tally::default();
        let mut lines = Lines::of(content, self.comments, self.guards);
        while let Some(line) = lines.next() {
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
        let line = &line[first..];
        if self.match_at(line, starts.line & starts.at(line), tally) {
            return true;
        }
        if starts.anywhere == 0 {
            return false;
        }
        let mut is_behind_word = false;
        for (at, &byte) in line.iter().enumerate() {
            let is_inside = is_behind_word && is_word(byte);
            if starts.is_anywhere[usize::from(byte)] && !is_inside {
                let rest = &line[at..];
                if self.match_at(rest, starts.anywhere & starts.at(rest), tally) {
                    return true;
                }
            }
            is_behind_word = is_word(byte);
        }
        false
    }

    /// Asks some of the rules at the beginning of a text; true if one decides.
    fn match_at(&self, text: &[u8], asked: u128, tally: &mut Tally) -> bool {
        let mut asked = asked & !tally.exhausted;
        while asked != 0 {
            let index = asked.trailing_zeros() as usize;
            asked &= asked - 1;
            let rule = &self.rules[index];
            if pattern::matches(rule.atoms, rule.ignores_case, text) {
                tally.count(index, rule);
                if rule.weight >= DECISIVE {
                    tally.decided = Some(rule.language);
                    return true;
                }
            }
        }
        false
    }
}

/// Which rules can begin with which two bytes: a bit for each rule, in their order.
#[derive(Debug)]
struct Starts {
    /// The rules that can have a byte first.
    first: [u128; 256],
    /// The rules that can have a byte second.
    second: [u128; 256],
    /// The rules that only match at the beginning of a line.
    line: u128,
    /// The others.
    anywhere: u128,
    /// The bytes that those others can have first.
    is_anywhere: [bool; 256],
}

impl Starts {
    fn of(rules: &[Rule]) -> Self {
        let mut starts = Self {
            first: [0; 256],
            second: [0; 256],
            line: 0,
            anywhere: 0,
            is_anywhere: [false; 256],
        };
        // Those that begin with more than one or two bytes.
        let (mut any_first, mut any_second) = (0, 0);
        for (index, rule) in rules.iter().enumerate().take(RULES_MAX) {
            let bit = 1_u128 << index;
            let text = match rule.atoms.first() {
                Some(Atom::Text(text)) => text.as_bytes(),
                _ => &[],
            };
            match text.first() {
                Some(&byte) => add(&mut starts.first, byte, rule.ignores_case, bit),
                None => any_first |= bit,
            }
            match text.get(1) {
                Some(&byte) => add(&mut starts.second, byte, rule.ignores_case, bit),
                None => any_second |= bit,
            }
            if rule.is_anywhere {
                starts.anywhere |= bit;
            } else {
                starts.line |= bit;
            }
        }
        for byte in 0..256 {
            starts.first[byte] |= any_first;
            starts.second[byte] |= any_second;
            starts.is_anywhere[byte] = starts.first[byte] & starts.anywhere != 0;
        }
        starts
    }

    /// The rules that can match the beginning of a text.
    fn at(&self, text: &[u8]) -> u128 {
        let rules = |table: &[u128; 256], at: usize| {
            // Behind the end is what no pattern begins with.
            let byte = text.get(at).copied().unwrap_or(b'\n');
            table[usize::from(byte)]
        };
        rules(&self.first, 0) & rules(&self.second, 1)
    }
}

fn add(table: &mut [u128; 256], byte: u8, ignores_case: bool, rule: u128) {
    table[usize::from(byte)] |= rule;
    if ignores_case {
        table[usize::from(byte.to_ascii_lowercase())] |= rule;
        table[usize::from(byte.to_ascii_uppercase())] |= rule;
    }
}

/// Points for each language.
#[derive(Debug)]
struct Tally {
    counts: [u8; RULES_MAX],
    /// A bit for each rule that has counted as often as it may.
    exhausted: u128,
    points: [(Option<Language>, u32); LANGUAGES_MAX],
    decided: Option<Language>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counts: [0; RULES_MAX],
            exhausted: 0,
            points: [(None, 0); LANGUAGES_MAX],
            decided: None,
        }
    }
}

impl Tally {
    fn count(&mut self, index: usize, rule: &Rule) {
        self.counts[index] += 1;
        if self.counts[index] >= RULE_COUNT_MAX {
            self.exhausted |= 1 << index;
        }
        let slot = self
            .points
            .iter_mut()
            .find(|(there, _)| there.is_none_or(|there| there == rule.language));
        if let Some((there, points)) = slot {
            *there = Some(rule.language);
            *points += u32::from(rule.weight);
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

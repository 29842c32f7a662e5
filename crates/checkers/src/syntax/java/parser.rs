//! The state that all of the grammar shares: where it is, what it saw, how it complains.

use std::ops::Range;

use crate::limits;

use super::Problem;
use super::lookahead::Lookahead;
use super::token::{Kind, Token};

/// The text is not Java; the parser knows the [`Problem`].
#[derive(Debug)]
pub(super) struct Stop;

pub(super) type Parsed<T = ()> = Result<T, Stop>;

/// How the reading of a text ended.
pub(super) enum Reading {
    Clean,
    Broken(Problem),
    /// Nested too deeply, at this offset.
    TooDeep(usize),
}

/// A use of a word that newer releases do not allow.
struct Outdated {
    /// The last release that allows it.
    release: u8,
    span: Range<usize>,
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: &'a [Token],
    /// What is wrong at [`Kind::Error`].
    lexical: Option<&'a Problem>,
    at: usize,
    /// The kind of what is left of the current token.
    pub(super) kind: Kind,
    /// How many `>` were taken from the current token.
    split: usize,
    depth: usize,
    problem: Option<Problem>,
    too_deep: Option<usize>,
    /// What a term may be; see `expression`.
    pub(super) mode: u8,
    /// What the last term turned out to be.
    pub(super) last_mode: u8,
    /// True where `this` may be the name of a parameter.
    pub(super) this_is_name: bool,
    /// True where annotations behind a type may belong to a `...`.
    pub(super) may_annotate_ellipsis: bool,
    /// The annotations behind a type that wait for their `...`.
    pub(super) waiting_annotation: Option<usize>,
    pub(super) lookahead: Lookahead,
    /// The oldest release that knows all of the syntax so far.
    release_min: u8,
    outdated: Vec<Outdated>,
}

/// A place to return to after a look at what follows.
pub(super) struct Mark {
    at: usize,
    kind: Kind,
    split: usize,
    depth: usize,
    mode: u8,
    release_min: u8,
    outdated_count: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token], lexical: Option<&'a Problem>) -> Self {
        Self {
            text,
            tokens,
            lexical,
            at: 0,
            kind: tokens.first().map_or(Kind::Eof, |token| token.kind),
            split: 0,
            depth: 0,
            problem: None,
            too_deep: None,
            mode: 0,
            last_mode: 0,
            this_is_name: false,
            may_annotate_ellipsis: false,
            waiting_annotation: None,
            lookahead: Lookahead::default(),
            release_min: 8,
            outdated: Vec::new(),
        }
    }

    pub(super) fn read(mut self) -> Reading {
        let parsed = self.compilation_unit();
        if let Some(place) = self.too_deep {
            return Reading::TooDeep(place);
        }
        let outdated = self
            .outdated
            .iter()
            .find(|outdated| outdated.release < self.release_min);
        if let Some(outdated) = outdated {
            let word = &self.text[outdated.span.clone()];
            let message = format!(
                "`{word}` is not a name here since Java {}",
                outdated.release + 1
            );
            return Reading::Broken(Problem {
                rule: "syntax/unexpected-token",
                message,
                span: outdated.span.clone(),
            });
        }
        match (parsed, self.problem) {
            (Ok(()), None) => Reading::Clean,
            (_, Some(problem)) => Reading::Broken(problem),
            (Err(Stop), None) => Reading::TooDeep(0),
        }
    }

    pub(super) const fn index(&self) -> usize {
        self.at
    }

    pub(super) const fn tokens(&self) -> &'a [Token] {
        self.tokens
    }

    pub(super) fn token_kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::Eof, |token| token.kind)
    }

    /// The kind of the token so many behind the current one.
    pub(super) fn peek(&self, ahead: usize) -> Kind {
        self.token_kind(self.at + ahead)
    }

    pub(super) fn span_of(&self, index: usize) -> Range<usize> {
        let token = self.tokens.get(index).or(self.tokens.last());
        let (start, end) = token.map_or((0, 0), |token| (token.start as usize, token.end as usize));
        if index == self.at {
            start + self.split..end
        } else {
            start..end
        }
    }

    pub(super) fn text_of(&self, index: usize) -> &'a str {
        let text = self.text;
        let token = self.tokens.get(index);
        token.map_or("", |token| &text[token.start as usize..token.end as usize])
    }

    /// True if the current token is a word that is a keyword in some places only.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Identifier && self.text_of(self.at) == word
    }

    pub(super) fn next(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        self.split = 0;
        self.kind = self.token_kind(self.at);
    }

    /// Takes one `>` from the current token; false if it has none.
    pub(super) fn take_greater(&mut self) -> bool {
        if self.kind == Kind::Greater {
            self.next();
            return true;
        }
        let Some(rest) = self.kind.without_greater() else {
            return false;
        };
        self.split += 1;
        self.kind = rest;
        true
    }

    pub(super) fn skip_if(&mut self, kind: Kind) -> bool {
        let skips = self.kind == kind;
        if skips {
            self.next();
        }
        skips
    }

    /// Goes over a token, or complains that it is missing; `place` says where it belongs.
    pub(super) fn accept(&mut self, kind: Kind, place: &str) -> Parsed {
        if self.kind == kind {
            self.next();
            return Ok(());
        }
        Err(self.missing(kind.expected(), place))
    }

    /// Goes over things that commas separate.
    pub(super) fn comma_separated(&mut self, one: impl Fn(&mut Self) -> Parsed) -> Parsed {
        one(self)?;
        while self.skip_if(Kind::Comma) {
            one(self)?;
        }
        Ok(())
    }

    /// Runs a part of the grammar that can contain itself.
    pub(super) fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > limits::NESTING_DEPTH_MAX {
            self.too_deep = Some(self.span_of(self.at).start);
            return Err(Stop);
        }
        let parsed = part(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            kind: self.kind,
            split: self.split,
            depth: self.depth,
            mode: self.mode,
            release_min: self.release_min,
            outdated_count: self.outdated.len(),
        }
    }

    /// Returns to a place and forgets what was found behind it.
    pub(super) fn reset(&mut self, mark: &Mark) {
        self.at = mark.at;
        self.kind = mark.kind;
        self.split = mark.split;
        self.depth = mark.depth;
        self.mode = mark.mode;
        self.release_min = mark.release_min;
        self.outdated.truncate(mark.outdated_count);
        self.problem = None;
        self.this_is_name = false;
        self.may_annotate_ellipsis = false;
        self.waiting_annotation = None;
    }

    /// Notes that the text uses syntax of a release.
    pub(super) fn needs(&mut self, release: u8) {
        self.release_min = self.release_min.max(release);
    }

    /// Notes that the text uses a word in a way that ended with a release.
    pub(super) fn outdated(&mut self, index: usize, release: u8) {
        let says_more = |known: &Outdated| release < known.release;
        if self.outdated.last().is_none_or(says_more) {
            let span = self.span_of(index);
            self.outdated.push(Outdated { release, span });
        }
    }

    /// Where the token before the current one ends.
    fn previous_end(&self) -> usize {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index));
        if self.split > 0 {
            return self.span_of(self.at).start;
        }
        before.map_or(0, |token| token.end as usize)
    }

    /// True if the current token begins on a line below the one before it.
    fn is_below_previous(&self) -> bool {
        let between = self.previous_end()..self.span_of(self.at).start;
        let text = self.text.as_bytes().get(between).unwrap_or(&[]);
        memchr::memchr2(b'\n', b'\r', text).is_some()
    }

    /// Complains that something is missing before the current token.
    pub(super) fn missing(&mut self, what: &str, place: &str) -> Stop {
        let end = self.previous_end();
        let message = if place.is_empty() {
            format!("expected {what}")
        } else {
            format!("expected {what} {place}")
        };
        self.fail("syntax/missing-token", message, end..end)
    }

    /// Complains about the current token, where something else has to stand.
    pub(super) fn unexpected(&mut self, expected: &str) -> Stop {
        let misses = matches!(
            self.kind,
            Kind::Eof | Kind::ParenClose | Kind::BracketClose | Kind::BraceClose | Kind::Semicolon
        );
        if self.kind == Kind::Eof
            || self.is_below_previous() && (misses || self.is_behind_operator())
        {
            return self.missing(expected, "");
        }
        let word = self.text_of(self.at);
        let message = format!("unexpected `{word}`, expected {expected}");
        self.fail("syntax/unexpected-token", message, self.span_of(self.at))
    }

    /// True if the token before the current one wants something behind it.
    fn is_behind_operator(&self) -> bool {
        let before = self.at.checked_sub(1).map(|index| self.token_kind(index));
        before.is_some_and(|kind| {
            kind.is_binary()
                || kind.is_assignment()
                || kind.is_prefix() && !matches!(kind, Kind::PlusPlus | Kind::MinusMinus)
                || matches!(kind, Kind::Dot | Kind::ColonColon | Kind::Question)
        })
    }

    /// Complains about a token as a whole.
    pub(super) fn wrong(
        &mut self,
        rule: &'static str,
        message: impl Into<String>,
        index: usize,
    ) -> Stop {
        let span = self.span_of(index);
        self.fail(rule, message.into(), span)
    }

    pub(super) fn fail(&mut self, rule: &'static str, message: String, span: Range<usize>) -> Stop {
        let problem = match self.lexical {
            Some(lexical) if self.kind == Kind::Error => lexical.clone(),
            _ => Problem {
                rule,
                message,
                span,
            },
        };
        self.problem.get_or_insert(problem);
        Stop
    }

    /// Goes over a name.
    pub(super) fn name(&mut self) -> Parsed {
        match self.kind {
            Kind::Identifier => self.next(),
            Kind::Underscore => {
                self.outdated(self.at, 8);
                self.next();
            }
            Kind::This if self.this_is_name => self.next(),
            Kind::Assert | Kind::Enum | Kind::This => {
                let word = self.text_of(self.at);
                let message = format!("the keyword `{word}` is not a name");
                return Err(self.wrong("syntax/unexpected-token", message, self.at));
            }
            _ => return Err(self.missing_name()),
        }
        Ok(())
    }

    /// Goes over a name or the `_` of a variable without one.
    pub(super) fn variable_name(&mut self) -> Parsed {
        if self.kind == Kind::Underscore {
            self.next();
            return Ok(());
        }
        self.name()
    }

    fn missing_name(&mut self) -> Stop {
        let word = self.text_of(self.at);
        let is_keyword = word.bytes().all(|byte| byte.is_ascii_lowercase());
        if is_keyword && !word.is_empty() && !self.is_below_previous() {
            let message = format!("expected a name, but `{word}` is a keyword");
            return self.wrong("syntax/unexpected-token", message, self.at);
        }
        self.missing("a name", "")
    }

    /// Goes over names with dots between them; says whether there was more than one.
    pub(super) fn qualified_name(&mut self, may_annotate: bool) -> Parsed<bool> {
        self.name()?;
        let mut is_qualified = false;
        while self.skip_if(Kind::Dot) {
            is_qualified = true;
            if may_annotate {
                self.annotations()?;
            }
            self.name()?;
        }
        Ok(is_qualified)
    }
}

//! What every part of the parser shares: the place in the tokens, the bound on depth, complaints.

use std::ops::Range;

use super::macros::Macros;
use super::tokens::{Kind, Token, may_double};
use crate::limits;

/// The stack that one level of nesting must find.
const STACK_RED_ZONE_BYTES: usize = 64 * 1024;
/// What is added when it does not.
const STACK_CHUNK_BYTES: usize = 1024 * 1024;

/// How many tokens template arguments have at most that hold a comparison.
const ANGLE_TOKENS_MAX: usize = 1_024;

/// How many `<` are taken for a comparison in turn.
const COMPARISONS_MAX: usize = 16;

/// No partner.
pub(super) const NONE: u32 = u32::MAX;

/// The first thing that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) span: Range<usize>,
    /// True if a macro may excuse it.
    pub(super) doubtful: bool,
    /// Where the construct begins that it is wrong in.
    pub(super) from: usize,
    /// One past what shows that it is wrong.
    pub(super) until: usize,
}

/// Why parsing ends before the text does.
#[derive(Debug)]
pub(super) enum Stop {
    Wrong(Box<Problem>),
    /// Nested deeper than the limit, at a byte.
    TooDeep(usize),
}

pub(super) type Parsed<T> = Result<T, Stop>;

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Token],
    /// For each bracket its partner; for a `<` that opens a template's arguments, its `>`.
    pub(super) partners: &'t [u32],
    pub(super) macros: &'t Macros<'t>,
    pub(super) cpp: bool,
    pub(super) at: usize,
    depth: usize,
    /// The first token of the current statement.
    pub(super) statement: usize,
    /// True after a statement that a macro began: an `else` may follow.
    pub(super) else_may_follow: bool,
    /// The first token of the body of the innermost `do`.
    pub(super) do_body: usize,
    /// True if a macro may have opened the body of a function, or the file is part of one.
    pub(super) may_be_inside: bool,
}

impl<'t> Parser<'t> {
    pub(super) fn new(
        text: &'t str,
        tokens: &'t [Token],
        partners: &'t [u32],
        macros: &'t Macros<'t>,
        cpp: bool,
    ) -> Self {
        Self {
            text,
            tokens,
            partners,
            macros,
            cpp,
            at: 0,
            depth: 0,
            statement: 0,
            else_may_follow: false,
            do_body: usize::MAX,
            may_be_inside: tokens
                .first()
                .is_some_and(|token| token.kind.is_statement()),
        }
    }

    /// Runs one level deeper.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= limits::NESTING_DEPTH_MAX {
            return Err(Stop::TooDeep(self.byte(self.at)));
        }
        self.depth += 1;
        let out = stacker::maybe_grow(STACK_RED_ZONE_BYTES, STACK_CHUNK_BYTES, || parse(self));
        self.depth -= 1;
        out
    }

    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    pub(super) fn is(&self, index: usize, kind: Kind) -> bool {
        self.kind(index) == Some(kind)
    }

    pub(super) fn here(&self, kind: Kind) -> bool {
        self.is(self.at, kind)
    }

    /// Steps over a token of a kind, if it is next.
    pub(super) fn eat(&mut self, kind: Kind) -> bool {
        let here = self.here(kind);
        self.at += usize::from(here);
        here
    }

    pub(super) fn word(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| {
            &self.text[token.start as usize..token.end as usize]
        })
    }

    /// True if the token is a name that may be a macro.
    pub(super) fn suspect(&self, index: usize) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|&token| self.macros.suspects(token))
    }

    /// The partner of a bracket.
    pub(super) fn partner(&self, index: usize) -> Option<usize> {
        let partner = *self.partners.get(index)?;
        (partner != NONE).then_some(partner as usize)
    }

    /// One past the group that opens at `index`; just past the token if it opens none.
    pub(super) fn after_group(&self, index: usize) -> usize {
        self.partner(index)
            .filter(|&partner| partner > index)
            .unwrap_or(index)
            + 1
    }

    /// True if the token follows right after the one before, without white space.
    pub(super) fn glued(&self, index: usize) -> bool {
        index > 0
            && index < self.tokens.len()
            && self.tokens[index - 1].end == self.tokens[index].start
    }

    pub(super) fn first(&self, index: usize) -> bool {
        self.tokens.get(index).is_none_or(|token| token.first)
    }

    /// Where a token begins; past the last one, the end of the text.
    pub(super) fn byte(&self, index: usize) -> usize {
        self.tokens
            .get(index)
            .map_or(self.text.len(), |token| token.start as usize)
    }

    fn end(&self, index: usize) -> usize {
        self.tokens
            .get(index)
            .map_or(self.text.len(), |token| token.end as usize)
    }

    fn wrong(&self, rule: &'static str, message: String, span: Range<usize>) -> Stop {
        Stop::Wrong(Box::new(Problem {
            rule,
            message,
            span,
            doubtful: false,
            from: self.byte(self.statement.min(self.at)),
            until: self.end(self.at),
        }))
    }

    /// A token stands where it cannot.
    pub(super) fn unexpected(&self, index: usize) -> Stop {
        let Some(token) = self.tokens.get(index) else {
            return self.missing("a statement", index.saturating_sub(1));
        };
        let mut word = self.word(index).split('\n').next().unwrap_or("");
        if word.len() > 40 {
            word = match token.kind {
                Kind::Str => "\"…\"",
                _ => "…",
            };
        }
        self.wrong(
            "syntax/unexpected-token",
            format!("unexpected `{word}`"),
            token.start as usize..token.end as usize,
        )
    }

    /// Something is missing after a token.
    pub(super) fn missing(&self, what: &str, after: usize) -> Stop {
        let end = self.end(after);
        self.wrong("syntax/missing-token", format!("missing {what}"), end..end)
    }

    pub(super) fn complain(&self, rule: &'static str, message: &str, index: usize) -> Stop {
        let span = self.byte(index)..self.end(index);
        self.wrong(rule, message.to_owned(), span)
    }

    /// A complaint whose construct begins earlier than the current statement.
    pub(super) fn since(stop: Stop, from: usize) -> Stop {
        match stop {
            Stop::Wrong(mut problem) => {
                problem.from = problem.from.min(from);
                Stop::Wrong(problem)
            }
            other @ Stop::TooDeep(_) => other,
        }
    }
}

/// Pairs the brackets, and in C++ the angles that may hold template arguments; `None` if the
/// brackets do not pair up.
///
/// # Complexity
///
/// Linear: each token is pushed and popped at most once.
pub(super) fn pair(tokens: &[Token], macros: &Macros<'_>, cpp: bool) -> Option<Vec<u32>> {
    let mut partners = vec![NONE; tokens.len()];
    let mut open: Vec<u32> = Vec::new();
    let mut unpaired: Vec<u32> = Vec::new();
    for (at, token) in (0_u32..).zip(tokens) {
        let opener = match token.kind {
            Kind::LeftParen | Kind::LeftBracket | Kind::LeftBrace => {
                open.push(at);
                continue;
            }
            Kind::Less
                if cpp
                    && (opens_angle(tokens, at as usize)
                        || follows_macro(tokens, &partners, macros, at as usize)) =>
            {
                open.push(at);
                continue;
            }
            Kind::Greater if cpp => {
                let is_name = at > 0 && tokens[at as usize - 1].kind == Kind::Operator;
                if let Some(&top) = open.last()
                    && tokens[top as usize].kind == Kind::Less
                    && !is_name
                {
                    open.pop();
                    partners[top as usize] = at;
                    partners[at as usize] = top;
                }
                continue;
            }
            Kind::RightParen => Kind::LeftParen,
            Kind::RightBracket => Kind::LeftBracket,
            Kind::RightBrace => Kind::LeftBrace,
            Kind::Semicolon => {
                while let Some(top) = open.pop_if(|top| tokens[*top as usize].kind == Kind::Less) {
                    unpaired.push(top);
                }
                continue;
            }
            _ => continue,
        };
        while let Some(top) = open.pop_if(|top| tokens[*top as usize].kind == Kind::Less) {
            unpaired.push(top);
        }
        let top = open.pop()?;
        if tokens[top as usize].kind != opener {
            return None;
        }
        partners[top as usize] = at;
        partners[at as usize] = top;
    }
    open.retain(|&top| tokens[top as usize].kind != Kind::Less);
    if !open.is_empty() {
        return None;
    }
    unpaired.sort_unstable();
    for less in unpaired {
        pair_around_comparison(tokens, macros, &mut partners, less as usize);
    }
    Some(partners)
}

/// True if a `<` follows the arguments of a macro that makes a name: `CAT(a, b)<c>`.
fn follows_macro(tokens: &[Token], partners: &[u32], macros: &Macros<'_>, at: usize) -> bool {
    if at < 3 || tokens[at - 1].kind != Kind::RightParen {
        return false;
    }
    let name = (partners[at - 1] as usize).checked_sub(1);
    let glued = |index: usize| {
        tokens
            .get(index)
            .is_some_and(|token| token.start == tokens[index - 1].end)
    };
    let begins = tokens[at].first
        && (glued(at + 1)
            || tokens
                .get(at + 1)
                .is_some_and(|next| next.kind == Kind::Qualifier));
    name.is_some_and(|name| macros.suspects(tokens[name])) && (glued(at) || begins)
}

/// Pairs a `<` that one inside of it, which compares, took the `>` of: `a<b < c, d>`.
fn pair_around_comparison(
    tokens: &[Token],
    macros: &Macros<'_>,
    partners: &mut [u32],
    less: usize,
) {
    let mut end = less + 1;
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(end).filter(|_| end - less < ANGLE_TOKENS_MAX) {
        match token.kind {
            Kind::LeftParen | Kind::LeftBracket => depth += 1,
            Kind::RightParen | Kind::RightBracket if depth > 0 => depth -= 1,
            Kind::Semicolon
            | Kind::LeftBrace
            | Kind::RightBrace
            | Kind::RightParen
            | Kind::RightBracket => break,
            _ => {}
        }
        end += 1;
    }
    let may_compare = |index: usize| {
        partners[index] != NONE
            && tokens[index].kind == Kind::Less
            && (tokens[index - 1].end < tokens[index].start
                && tokens[index].end < tokens[index + 1].start
                || macros.is_constant(tokens[index - 1]))
    };
    let candidates: Vec<usize> = (less + 1..end)
        .filter(|&index| may_compare(index))
        .collect();
    for compares in candidates.into_iter().take(COMPARISONS_MAX) {
        let mut open: Vec<usize> = Vec::new();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for index in less..end {
            let token = tokens[index];
            match token.kind {
                Kind::Less if index == less || partners[index] != NONE && index != compares => {
                    open.push(index);
                }
                Kind::LeftParen | Kind::LeftBracket => open.push(index),
                Kind::RightParen | Kind::RightBracket => {
                    while open.pop_if(|top| tokens[*top].kind == Kind::Less).is_some() {}
                    open.pop();
                }
                Kind::Greater
                    if open
                        .last()
                        .is_some_and(|&top| tokens[top].kind == Kind::Less) =>
                {
                    pairs.extend(open.pop().map(|top| (top, index)));
                }
                _ => {}
            }
            if open.is_empty() {
                break;
            }
        }
        if !open.is_empty() || pairs.last().is_none_or(|&(top, _)| top != less) {
            continue;
        }
        partners[compares] = NONE;
        for (top, close) in pairs {
            partners[top] = u32::try_from(close).unwrap_or(NONE);
            partners[close] = u32::try_from(top).unwrap_or(NONE);
        }
        return;
    }
}

/// True if a `<` follows what may be a template.
fn opens_angle(tokens: &[Token], at: usize) -> bool {
    at == 0
        || at >= 3
            && tokens[at - 1].kind == Kind::RightParen
            && tokens[at - 3].kind == Kind::Operator
        || matches!(
            tokens[at - 1].kind,
            Kind::Ident
                | Kind::Template
                | Kind::Cast
                | Kind::RightBracket
                | Kind::Binary
                | Kind::Less
                | Kind::Greater
                | Kind::Arrow
        ) && !(at >= 2
            && tokens[at - 1].kind == Kind::Less
            && tokens[at - 2].kind != Kind::Operator)
            && !compares_member(tokens, at)
}

/// True at the `<` of `a->b < c`.
fn compares_member(tokens: &[Token], at: usize) -> bool {
    at >= 3
        && tokens[at - 1].kind == Kind::Ident
        && tokens[at - 1].end < tokens[at].start
        && tokens
            .get(at + 1)
            .is_some_and(|next| tokens[at].end < next.start)
        && tokens[at - 2].end == tokens[at - 1].start
        && matches!(tokens[at - 2].kind, Kind::Arrow | Kind::Dot)
}

/// A keyword twice in a row.
pub(super) fn doubled(parser: &Parser<'_>) -> Parsed<()> {
    for (index, pair) in parser.tokens.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let word = parser.word(index);
        let named = matches!(word, "_Static_assert" | "_Alignas" | "_Atomic")
            || parser.cpp && matches!(word, "and" | "or" | "xor" | "not_eq");
        if first.kind != second.kind || !(first.kind.is_keyword() || named) {
            continue;
        }
        // `long long` is a type, `long long long` is none.
        let thrice = word == "long" && parser.word(index + 2) == "long";
        if word != parser.word(index + 1) || may_double(word, parser.cpp) && !thrice {
            continue;
        }
        let message = format!("`{word}` twice in a row");
        let mut stop = parser.complain("syntax/doubled-keyword", &message, index + 1);
        if let Stop::Wrong(problem) = &mut stop {
            problem.from = first.start as usize;
            problem.until = second.end as usize;
        }
        return Err(stop);
    }
    Ok(())
}

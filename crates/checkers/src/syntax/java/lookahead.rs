//! What a bracket turns out to be, from the tokens behind it.
//!
//! The answers are those of javac, so that the same texts are accepted; each token is looked at a
//! bounded number of times, however the brackets nest.

use super::expression::NO_LAMBDA;
use super::parser::Parser;
use super::token::Kind;

/// No token: the bracket has no partner, or the type arguments do not end.
const NONE: u32 = u32::MAX;

/// What a parenthesis begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parenthesis {
    Cast,
    /// A lambda with types, `final` or nothing at all between the parentheses.
    ExplicitLambda,
    ImplicitLambda,
    Expression,
}

/// Answers that are kept.
#[derive(Default)]
pub(super) struct Lookahead {
    /// For each opening bracket its partner; empty until it is needed.
    partners: Vec<u32>,
    /// For each `<` that was looked at the token that closes it.
    closers: Vec<(u32, u32)>,
    /// Below this token, `closers` knows each `<`.
    closers_known: usize,
}

impl Parser<'_> {
    /// The bracket that closes the one at `index`.
    pub(super) fn partner(&mut self, index: usize) -> Option<usize> {
        if self.lookahead.partners.is_empty() {
            let tokens = self.tokens();
            let mut partners = vec![NONE; tokens.len()];
            let mut open = Vec::new();
            for (at, token) in (0_u32..).zip(tokens) {
                match token.kind {
                    Kind::ParenOpen | Kind::BraceOpen | Kind::BracketOpen => open.push(at),
                    Kind::ParenClose | Kind::BraceClose | Kind::BracketClose => {
                        if let Some(opener) = open.pop() {
                            partners[opener as usize] = at;
                        }
                    }
                    _ => {}
                }
            }
            self.lookahead.partners = partners;
        }
        let partner = self.lookahead.partners.get(index).copied();
        partner.filter(|&at| at != NONE).map(|at| at as usize)
    }

    /// The last token of the annotation at `index`.
    fn annotation_end(&mut self, index: usize) -> usize {
        let mut at = index + 1;
        while self.token_kind(at + 1) == Kind::Dot {
            at += 2;
        }
        if self.token_kind(at + 1) == Kind::ParenOpen {
            return self.partner(at + 1).unwrap_or(self.tokens().len());
        }
        at
    }

    /// What the current parenthesis begins.
    pub(super) fn parenthesis(&mut self) -> Parenthesis {
        let start = self.index();
        if self.token_kind(start + 1) == Kind::ParenClose {
            return Parenthesis::ExplicitLambda;
        }
        let mut depth = 0_i32;
        let mut looks_like_type = false;
        let mut otherwise = Parenthesis::Expression;
        let mut at = start;
        loop {
            at += 1;
            let kind = self.token_kind(at);
            let following = self.token_kind(at + 1);
            match kind {
                Kind::Comma => looks_like_type = true,
                Kind::Extends | Kind::Super | Kind::Dot | Kind::And => {}
                Kind::Question => {
                    looks_like_type |= matches!(following, Kind::Extends | Kind::Super);
                }
                _ if kind.is_primitive() || kind == Kind::Void => {
                    if following == Kind::ParenClose {
                        return Parenthesis::Cast;
                    } else if following.is_name() {
                        return Parenthesis::ExplicitLambda;
                    }
                }
                Kind::ParenClose if looks_like_type => return Parenthesis::Cast,
                Kind::ParenClose if may_follow_cast(following) => return Parenthesis::Cast,
                _ if kind.is_name() => {
                    if following.is_name() {
                        return Parenthesis::ExplicitLambda;
                    } else if following == Kind::ParenClose
                        && self.token_kind(at + 2) == Kind::Arrow
                    {
                        return self.implicit_lambda();
                    } else if depth == 0 && following == Kind::Comma {
                        otherwise = Parenthesis::ImplicitLambda;
                    }
                    looks_like_type = false;
                }
                Kind::Final | Kind::Ellipsis => return Parenthesis::ExplicitLambda,
                Kind::At => {
                    looks_like_type = true;
                    at = self.annotation_end(at);
                }
                Kind::BracketOpen => {
                    if let Some(answer) = self.behind_bracket(at) {
                        return answer;
                    }
                    looks_like_type = true;
                    at += 1;
                }
                Kind::Less => depth += 1,
                Kind::Greater | Kind::GreaterGreater | Kind::GreaterGreaterGreater => {
                    depth -= greater_count(kind);
                    if depth < 0 {
                        return Parenthesis::Expression;
                    } else if depth == 0 {
                        if let Some(answer) = self.behind_type_arguments(at) {
                            return answer;
                        }
                        looks_like_type = true;
                    }
                }
                Kind::ParenOpen => return Parenthesis::Expression,
                _ => return otherwise,
            }
        }
    }

    fn implicit_lambda(&self) -> Parenthesis {
        if self.mode & NO_LAMBDA == 0 {
            Parenthesis::ImplicitLambda
        } else {
            Parenthesis::Expression
        }
    }

    /// What the `[` at `index` says about the parenthesis around it.
    fn behind_bracket(&self, index: usize) -> Option<Parenthesis> {
        if self.token_kind(index + 1) != Kind::BracketClose {
            return Some(Parenthesis::Expression);
        }
        match self.token_kind(index + 2) {
            then if then.is_name() => Some(Parenthesis::ExplicitLambda),
            Kind::ParenClose | Kind::And => Some(Parenthesis::Cast),
            _ => None,
        }
    }

    /// What the `>` at `index` says about the parenthesis around it.
    fn behind_type_arguments(&self, index: usize) -> Option<Parenthesis> {
        let [first, second, third] = [1, 2, 3].map(|ahead| self.token_kind(index + ahead));
        if matches!(first, Kind::ParenClose | Kind::And) {
            return Some(Parenthesis::Cast);
        }
        let names_parameter = first.is_name()
            && (second == Kind::Comma || second == Kind::ParenClose && third == Kind::Arrow);
        (names_parameter || first == Kind::Ellipsis).then_some(Parenthesis::ExplicitLambda)
    }

    /// True if the current `<` begins the type arguments of a method reference's type.
    pub(super) fn is_unbound_reference(&mut self) -> bool {
        let start = self.index();
        if start >= self.lookahead.closers_known {
            self.find_closers(start);
        }
        let place = u32::try_from(start).unwrap_or(NONE);
        let closers = &self.lookahead.closers;
        let found = closers.binary_search_by_key(&place, |&(open, _)| open);
        let closer = found.ok().map(|index| closers[index].1);
        closer.is_some_and(|closer| {
            closer != NONE
                && matches!(
                    self.token_kind(closer as usize + 1),
                    Kind::Dot | Kind::BracketOpen | Kind::ColonColon
                )
        })
    }

    /// Finds what closes the `<` at `start`, and each `<` up to there.
    fn find_closers(&mut self, start: usize) {
        let first = self.lookahead.closers.len();
        let mut open: Vec<usize> = Vec::new();
        let mut at = start;
        loop {
            let kind = self.token_kind(at);
            let place = u32::try_from(at).unwrap_or(NONE);
            match kind {
                Kind::Identifier
                | Kind::Underscore
                | Kind::Question
                | Kind::Extends
                | Kind::Super
                | Kind::Dot
                | Kind::BracketOpen
                | Kind::BracketClose
                | Kind::Comma
                | Kind::At => {}
                _ if kind.is_primitive() => {}
                // The values of an annotation.
                Kind::ParenOpen => match self.partner(at) {
                    Some(partner) => at = partner,
                    None => break,
                },
                Kind::Less => {
                    open.push(self.lookahead.closers.len());
                    self.lookahead.closers.push((place, NONE));
                }
                Kind::Greater | Kind::GreaterGreater | Kind::GreaterGreaterGreater => {
                    for _ in 0..greater_count(kind) {
                        let Some(index) = open.pop() else { break };
                        // Only the outermost ends with the whole token.
                        self.lookahead.closers[index].1 = place;
                    }
                    if open.is_empty() {
                        at += 1;
                        break;
                    }
                }
                _ => break,
            }
            at += 1;
        }
        debug_assert!(self.lookahead.closers[first..].is_sorted());
        self.lookahead.closers_known = at;
    }

    /// True if what begins at the current token of a case label is a pattern, not a constant.
    pub(super) fn is_pattern(&mut self) -> bool {
        let mut types = 0_i32;
        let mut parens = 0_i32;
        let mut otherwise = false;
        let mut at = self.index();
        loop {
            let kind = self.token_kind(at);
            let following = self.token_kind(at + 1);
            match kind {
                Kind::Underscore
                    if types == 0 && matches!(following, Kind::ParenClose | Kind::Comma) =>
                {
                    return parens > 0 || !matches!(following, Kind::ParenClose);
                }
                _ if kind.is_name() || kind.is_primitive() || kind == Kind::Void => {
                    if types == 0 && following.is_name() {
                        if parens == 0 {
                            return true;
                        }
                        otherwise = true;
                    }
                }
                Kind::Comma if parens == 0 && types == 0 => return otherwise,
                Kind::Comma | Kind::Dot | Kind::Question | Kind::Extends | Kind::Super => {}
                Kind::Less => types += 1,
                Kind::Greater | Kind::GreaterGreater | Kind::GreaterGreaterGreater => {
                    types -= greater_count(kind);
                    if types == 0 && following != Kind::Dot {
                        return following.is_name() || following == Kind::ParenOpen;
                    } else if types < 0 {
                        return false;
                    }
                }
                Kind::At => at = self.annotation_end(at),
                Kind::BracketOpen => {
                    if following != Kind::BracketClose {
                        return otherwise;
                    } else if self.token_kind(at + 2).is_name() {
                        return true;
                    }
                    at += 1;
                }
                Kind::ParenOpen if following == Kind::ParenClose => {
                    return parens == 0 || self.token_kind(at + 2) != Kind::Arrow;
                }
                Kind::ParenOpen => parens += 1,
                Kind::ParenClose => {
                    parens -= 1;
                    if parens == 0 && types == 0 && self.is_guard(at + 1) {
                        return true;
                    }
                }
                Kind::Arrow => return parens <= 0 && otherwise,
                Kind::Final if parens > 0 => return true,
                _ => return otherwise,
            }
            at += 1;
        }
    }

    /// True if the word `when` of a guard stands at `index`, not a variable of that name.
    pub(super) fn is_guard(&self, index: usize) -> bool {
        self.token_kind(index) == Kind::Identifier
            && self.text_of(index) == "when"
            && !matches!(
                self.token_kind(index + 1),
                Kind::Arrow | Kind::Colon | Kind::Comma | Kind::AndAnd | Kind::ParenClose
            )
    }

    /// True if the current word `yield` begins a statement of its own.
    pub(super) fn is_yield(&mut self) -> bool {
        let following = self.peek(1);
        match following {
            Kind::Plus
            | Kind::Minus
            | Kind::Bang
            | Kind::Tilde
            | Kind::TemplateOpen
            | Kind::Identifier
            | Kind::Underscore
            | Kind::New
            | Kind::Switch
            | Kind::This
            | Kind::Super
            | Kind::Void
            | Kind::Semicolon => true,
            Kind::PlusPlus | Kind::MinusMinus => self.peek(2) != Kind::Semicolon,
            Kind::ParenOpen => self.is_yielded_parenthesis(self.index() + 1),
            _ => following.is_literal() || following.is_primitive(),
        }
    }

    /// True if a parenthesis behind `yield` is a value, not the arguments of a method.
    fn is_yielded_parenthesis(&mut self, open: usize) -> bool {
        let Some(close) = self.partner(open) else {
            return true;
        };
        if self.token_kind(close + 1) == Kind::Arrow {
            return true;
        }
        let mut in_type_arguments = false;
        let mut at = open + 1;
        while at < close {
            match self.token_kind(at) {
                Kind::Comma if !in_type_arguments => return false,
                Kind::Less => in_type_arguments = true,
                Kind::Greater => in_type_arguments = false,
                Kind::ParenOpen | Kind::BraceOpen | Kind::BracketOpen => {
                    at = self.partner(at).unwrap_or(close);
                }
                _ => {}
            }
            at += 1;
        }
        close > open + 1
    }
}

const fn greater_count(kind: Kind) -> i32 {
    match kind {
        Kind::GreaterGreaterGreater => 3,
        Kind::GreaterGreater => 2,
        _ => 1,
    }
}

/// True for what follows a cast but no expression in parentheses.
const fn may_follow_cast(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bang
            | Kind::Tilde
            | Kind::ParenOpen
            | Kind::This
            | Kind::Super
            | Kind::TemplateOpen
            | Kind::New
            | Kind::Switch
            | Kind::Void
    ) || kind.is_literal()
        || kind.is_name()
        || kind.is_primitive()
}

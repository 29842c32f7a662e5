//! The bodies of macros: what no use of a macro could mend.

use claude_flow_lang_detect::Language;

use super::parser::Problem;
use super::tokens::{Directive, is_keyword, may_double};
use crate::brackets::{bracket, directive_name};
use crate::lexical::{Kind as Raw, Lexed, lex};

/// The macro that cannot be right however it is used, if there is one.
///
/// A body need not balance, because another macro may hold the rest; it is wrong if none does.
pub(super) fn diagnose(
    text: &str,
    directives: &[Directive],
    language: Language,
    is_active: &dyn Fn(usize) -> bool,
) -> Option<Problem> {
    let mut unbalanced: Vec<Problem> = Vec::new();
    for directive in directives {
        let line = &text[directive.start..directive.end];
        if directive_name(line) != "define" || !is_active(directive.start) {
            continue;
        }
        let Some(offset) = line.find("define").map(|at| at + "define".len()) else {
            continue;
        };
        let start = directive.start + offset;
        // A `#` here makes a string of an argument, even where it begins its line.
        let blank = text[start..directive.end].replace('#', " ");
        let lexed = lex(&blank, language);
        let body = Body {
            text: &blank,
            start,
            lexed: &lexed,
            language,
        };
        if let Some(problem) = body.words() {
            return Some(problem);
        }
        unbalanced.extend(body.brackets());
    }
    (unbalanced.len() == 1).then(|| unbalanced.pop()).flatten()
}

struct Body<'a> {
    text: &'a str,
    start: usize,
    lexed: &'a Lexed,
    language: Language,
}

impl Body<'_> {
    fn problem(&self, rule: &'static str, message: String, from: usize, to: usize) -> Problem {
        let span = self.start + from..self.start + to;
        Problem {
            rule,
            message,
            doubtful: false,
            from: span.start,
            until: span.end,
            span,
        }
    }

    /// Keywords twice in a row, literals that do not end.
    fn words(&self) -> Option<Problem> {
        for pair in self.lexed.tokens.windows(2) {
            let [first, second] = pair else { continue };
            let word = &self.text[first.start..first.end];
            let twice = first.kind == Raw::Word
                && word == &self.text[second.start..second.end]
                && is_keyword(word, self.language)
                && !may_double(word, self.language == Language::Cpp);
            if twice {
                return Some(self.problem(
                    "syntax/doubled-keyword",
                    format!("`{word}` twice in a row"),
                    second.start,
                    second.end,
                ));
            }
        }
        let problem = self.lexed.unterminated.first()?;
        let at = problem.span.start;
        let bytes = self.text.as_bytes();
        let in_word = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
        if in_word && bytes[at] == b'\'' || problem.runs_to_end {
            return None;
        }
        Some(self.problem(
            "syntax/unterminated-literal",
            format!("{} is never closed", problem.what),
            at,
            at + 1,
        ))
    }

    /// The first bracket that has no partner in the body.
    fn brackets(&self) -> Option<Problem> {
        let bytes = self.text.as_bytes();
        let mut open: Vec<(u8, usize)> = Vec::new();
        for token in &self.lexed.tokens {
            let byte = bracket(bytes, token);
            match token.kind {
                Raw::Open => open.push((byte, token.start)),
                Raw::Close => {
                    let wanted = match byte {
                        b')' => b'(',
                        b']' => b'[',
                        _ => b'{',
                    };
                    if open.last().map(|&(byte, _)| byte) == Some(wanted) {
                        open.pop();
                        continue;
                    }
                    if byte == b'}' && !self.is_loop() {
                        return None;
                    }
                    let message = format!("unmatched `{}`", char::from(byte));
                    return Some(self.problem(
                        "syntax/unmatched-bracket",
                        message,
                        token.start,
                        token.end,
                    ));
                }
                _ => {}
            }
        }
        let &(byte, at) = open.last()?;
        if byte == b'{' && !self.is_loop() {
            return None;
        }
        let message = format!("`{}` is never closed", char::from(byte));
        Some(self.problem("syntax/unclosed-bracket", message, at, at + 1))
    }

    /// True for `do { … } while (0)`: no other macro holds the rest of it.
    fn is_loop(&self) -> bool {
        let has = |wanted: &str| {
            let mut words = self.lexed.tokens.iter();
            words.any(|token| &self.text[token.start..token.end] == wanted)
        };
        has("do") && has("while")
    }
}

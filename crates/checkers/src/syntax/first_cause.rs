//! Tells the errors that a person has to mend from those that only follow from them.

use std::ops::Range;

use claude_flow_lang_detect::Language;

use crate::{Finding, brackets};

/// How many lines after a reported error another one counts as its consequence.
const CASCADE_LINES: usize = 3;

/// What a parser's later errors are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// The parser gives up or loses its way: only its first error is sure.
    Stops,
    /// The parser finds its way back soon: errors far from each other are independent.
    Resumes,
    /// The errors are findings about well-formed text: each stands for itself.
    Independent,
}

/// The findings to report for a text that a parser called broken.
///
/// A lexical cause, such as a bracket that is never closed, hides every parser error from its
/// place on: the parser saw only what followed from it.
pub(super) fn merge(
    text: &str,
    language: Language,
    mut errors: Vec<Finding>,
    recovery: Recovery,
) -> Vec<Finding> {
    if errors.is_empty() {
        return errors;
    }
    errors.sort_by_key(|error| (error.span.start, error.span.end));
    let cause = match recovery {
        Recovery::Independent => None,
        Recovery::Stops | Recovery::Resumes => {
            markdown_fence(text, language).or_else(|| brackets::diagnose(text, language))
        }
    };
    if let Some(cause) = &cause {
        let related = cause.related.iter().map(|related| related.span.start);
        let earliest = related.fold(cause.span.start, usize::min);
        errors.retain(|error| error.span.end <= earliest && error.span.start < earliest);
    }
    thin_out(text, &mut errors, recovery);
    errors.extend(cause);
    errors
}

/// The end of the last token before an offset: white space and comments are skipped backwards.
///
/// `comments` are in the order of the text and do not overlap.
pub(super) fn previous_token_end(text: &str, offset: usize, comments: &[Range<usize>]) -> usize {
    let mut end = text.floor_char_boundary(offset);
    loop {
        end = text[..end].trim_end().len();
        let before = comments.partition_point(|comment| comment.start < end);
        match before.checked_sub(1).map(|last| &comments[last]) {
            // A comment's span may or may not include its line's end.
            Some(comment) if comment.end >= end => end = comment.start,
            _ => return end,
        }
    }
}

/// The place for "something is missing before this offset": the end of the previous token if that
/// is on an earlier line, where a person would type it, otherwise the token at the offset.
pub(super) fn missing_before(
    text: &str,
    found: Range<usize>,
    comments: &[Range<usize>],
) -> Range<usize> {
    let end = previous_token_end(text, found.start, comments);
    if end > 0 && memchr::memchr(b'\n', &text.as_bytes()[end..found.start]).is_some() {
        end..end
    } else {
        found
    }
}

/// The operator that has no right operand, and the place after it, if the token at an offset is
/// on a later line than an operator that ends the text before it.
pub(super) fn missing_operand<'a>(
    text: &'a str,
    found: Range<usize>,
    comments: &[Range<usize>],
) -> Option<(&'a str, Range<usize>)> {
    let end = previous_token_end(text, found.start, comments);
    memchr::memchr(b'\n', &text.as_bytes()[end..found.start])?;
    let before = &text[..end];
    let operands = before.trim_end_matches(is_operator);
    let operator = &before[operands.len()..];
    // `x++`, `x!` and `T>` are complete, and so is a regular expression.
    let is_complete = matches!(operator, "" | "++" | "--" | "!" | "?" | "/")
        || (operator == ">" && !operands.ends_with(' '))
        || operator.ends_with("*/");
    (!is_complete).then_some((operator, end..end))
}

const fn is_operator(character: char) -> bool {
    matches!(
        character,
        '+' | '-' | '*' | '/' | '%' | '=' | '<' | '>' | '&' | '|' | '^' | '!' | '?' | '.' | '~'
    )
}

/// The fence of a Markdown code block around the text, which quotes more than it shows.
fn markdown_fence(text: &str, language: Language) -> Option<Finding> {
    let start = text.len() - text.trim_start().len();
    let line = text[start..].lines().next()?;
    line.starts_with("```").then(|| {
        let message = format!("a Markdown code fence is not {language}");
        Finding::error("syntax/markdown-fence", message, start..start + line.len())
    })
}

fn thin_out(text: &str, errors: &mut Vec<Finding>, recovery: Recovery) {
    match recovery {
        Recovery::Independent => {}
        Recovery::Stops => errors.truncate(1),
        Recovery::Resumes => {
            let (mut line, mut counted_to, mut quiet_until) = (0, 0, 0);
            let end = text.trim_end().len();
            errors.retain(|error| {
                // What is still open at the end of the text follows from what went before.
                if quiet_until > 0 && error.span.start >= end {
                    return false;
                }
                let start = error.span.start.min(text.len());
                line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted_to..start]).count();
                counted_to = start;
                if line < quiet_until {
                    return false;
                }
                quiet_until = line + CASCADE_LINES + 1;
                true
            });
        }
    }
}

#[cfg(test)]
mod tests;

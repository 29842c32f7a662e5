//! Rules that `CPython` applies to one node, wherever it stands, and ruff's parser does not.

use ruff_python_ast::{Expr, Pattern, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::Finding;

pub(super) fn of_statement(statement: &Stmt) -> Option<Finding> {
    match statement {
        Stmt::Expr(it) => starred(Some(&it.value)),
        Stmt::AugAssign(it) => starred(Some(&it.value)),
        Stmt::AnnAssign(it) => starred(it.value.as_deref()),
        _ => None,
    }
}

pub(super) fn of_expression(text: &str, expression: &Expr) -> Vec<Finding> {
    match expression {
        Expr::Attribute(it) if it.attr.as_str() == "__debug__" && !it.ctx.is_load() => {
            vec![write_to_debug(it.attr.range)]
        }
        Expr::Call(call) => {
            let keywords = call.arguments.keywords.iter();
            keywords
                .filter_map(|keyword| {
                    let name = keyword.arg.as_ref()?;
                    if name.as_str() == "__debug__" {
                        return Some(write_to_debug(name.range));
                    }
                    let is_in_brackets = text[keyword.range.to_std_range()].starts_with('(');
                    is_in_brackets.then(|| {
                        let message = "a keyword argument's name cannot be in parentheses";
                        error("syntax/invalid-expression", message, keyword.range)
                    })
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn of_pattern(pattern: &Pattern) -> Option<Finding> {
    match pattern {
        Pattern::MatchOr(alternatives) => {
            let (_, before_last) = alternatives.patterns.split_last()?;
            let place = before_last
                .iter()
                .find_map(Pattern::irrefutable_pattern)?
                .range;
            let message = "the alternatives after this one are unreachable";
            Some(error("syntax/invalid-expression", message, place))
        }
        Pattern::MatchValue(value)
            if matches!(*value.value, Expr::FString(_) | Expr::TString(_)) =>
        {
            let message = "patterns may only match literals and attribute lookups";
            Some(error("syntax/invalid-expression", message, value.range))
        }
        _ => None,
    }
}

/// The error if a starred expression stands where a whole value is needed.
pub(super) fn starred(value: Option<&Expr>) -> Option<Finding> {
    let value = value.filter(|value| value.is_starred_expr())?;
    let message = "starred expression cannot be used here";
    Some(error("syntax/invalid-expression", message, value.range()))
}

fn write_to_debug(place: TextRange) -> Finding {
    error(
        "syntax/invalid-target",
        "cannot assign to `__debug__`",
        place,
    )
}

fn error(rule: &'static str, message: &'static str, place: TextRange) -> Finding {
    Finding::error(rule, message, place.to_std_range())
}

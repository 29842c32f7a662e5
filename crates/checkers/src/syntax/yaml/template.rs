//! Text that becomes YAML only when a template engine has rendered it.

use std::ops::Range;

/// Whether text has the marks of a template: a directive of Jinja, an expression of Go's templates,
/// or an expression where a line begins.
///
/// `${{` is none: it is YAML in which something else expands a string. Nor is `{{ name }}` where a
/// value begins: in a playbook that is a forgotten pair of quotes.
pub(super) fn is_template(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        !line.starts_with('#')
            && (line.starts_with("{{")
                || line.starts_with("{%")
                || line.starts_with("{#")
                || line
                    .match_indices("{{")
                    .any(|(at, _)| is_go_expression(&line[at + 2..]))
                || line.contains("{%-"))
    })
}

fn is_go_expression(inside: &str) -> bool {
    inside.starts_with("- ")
        || inside.trim_start().starts_with(['.', '$', '/'])
        || ["include ", "template ", "if ", "range ", "with ", "toYaml "]
            .into_iter()
            .any(|word| inside.trim_start().starts_with(word))
}

/// The place of a value that begins with `{{` without quotes, on the line of an offset or the one
/// before it.
pub(super) fn unquoted_value(text: &str, offset: usize) -> Option<Range<usize>> {
    let line_start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let earlier_start = text[..line_start.saturating_sub(1)]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    [line_start, earlier_start].into_iter().find_map(|start| {
        let line = text[start..].lines().next()?;
        let at = line
            .find(": {{")
            .map(|at| at + 2)
            .or_else(|| line.find("- {{").map(|at| at + 2))?;
        Some(start + at..start + at + 2)
    })
}

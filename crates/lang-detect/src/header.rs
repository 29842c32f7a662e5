//! Tells a C header from a C++ one by its content.

use crate::Language;

/// The language of a `.h` file: C++ if a word outside comments, strings and
/// `#ifdef __cplusplus` regions can only be C++; `None` for Objective-C.
pub(crate) fn language(content: &[u8]) -> Option<Language> {
    let mut blanked = blank_comments_and_strings(content);
    blank_cplusplus_regions(&mut blanked);
    let text = String::from_utf8_lossy(&blanked);
    let mut is_cpp = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("@interface")
            || line.starts_with("@protocol")
            || line.starts_with("@class")
        {
            return None;
        }
        is_cpp |= is_cpp_line(line);
    }
    Some(if is_cpp { Language::Cpp } else { Language::C })
}

fn is_cpp_line(line: &str) -> bool {
    // `constexpr` is not here: it opens a declaration in C23 as well.
    const STARTS: [&str; 12] = [
        "class ",
        "namespace ",
        "template <",
        "template<",
        "using ",
        "public:",
        "private:",
        "protected:",
        "friend ",
        "virtual ",
        "explicit ",
        "typename ",
    ];
    const STD_HEADERS: [&str; 16] = [
        "algorithm",
        "array",
        "atomic",
        "cstddef",
        "cstdint",
        "cstdio",
        "cstdlib",
        "cstring",
        "functional",
        "iostream",
        "map",
        "memory",
        "string",
        "type_traits",
        "utility",
        "vector",
    ];
    if let Some(include) = line
        .strip_prefix("#include <")
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return STD_HEADERS.contains(&include);
    }
    if line.starts_with('#') {
        return false;
    }
    STARTS.iter().any(|start| line.starts_with(start))
        || line.contains("::")
        || line.contains("operator=")
        || line.contains("operator(")
        || line.contains("noexcept")
        || line.contains("inline namespace ")
        || line.contains("enum class ")
}

/// Replaces comments and literals by spaces; line ends and length stay.
fn blank_comments_and_strings(content: &[u8]) -> Vec<u8> {
    let mut out = content.to_vec();
    let mut at = 0;
    while at < content.len() {
        let end = match content[at] {
            b'/' if content.get(at + 1) == Some(&b'/') => find(content, at, b"\n"),
            b'/' if content.get(at + 1) == Some(&b'*') => find(content, at + 2, b"*/") + 2,
            quote @ (b'"' | b'\'') => literal_end(content, at, quote),
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(content.len());
        out[at..end]
            .iter_mut()
            .filter(|byte| **byte != b'\n')
            .for_each(|byte| *byte = b' ');
        at = end.max(at + 1);
    }
    out
}

fn find(content: &[u8], from: usize, needle: &[u8]) -> usize {
    content
        .get(from..)
        .and_then(|rest| {
            rest.windows(needle.len())
                .position(|window| window == needle)
        })
        .map_or(content.len(), |offset| from + offset)
}

fn literal_end(content: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < content.len() {
        match content[at] {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    content.len()
}

/// Blanks what only a C++ compiler sees: C headers guard `extern "C" {` that way.
fn blank_cplusplus_regions(text: &mut [u8]) {
    // The depth of conditionals at which a C++-only branch began, if in one.
    let mut guarded_at: Option<usize> = None;
    let mut depth = 0_usize;
    for line in text.split_mut(|&byte| byte == b'\n') {
        let directive = line.trim_ascii();
        if directive.starts_with(b"#") {
            let words = directive[1..].trim_ascii();
            if words.starts_with(b"if") {
                depth += 1;
                let names_cplusplus = words.windows(11).any(|window| window == b"__cplusplus");
                let negated = words.starts_with(b"ifndef") || words.contains(&b'!');
                if guarded_at.is_none() && names_cplusplus && !negated {
                    guarded_at = Some(depth);
                }
            } else if words.starts_with(b"endif") {
                if guarded_at == Some(depth) {
                    guarded_at = None;
                }
                depth = depth.saturating_sub(1);
            } else if words.starts_with(b"el") && guarded_at == Some(depth) {
                guarded_at = None;
            }
        } else if guarded_at.is_some() {
            line.fill(b' ');
        }
    }
}

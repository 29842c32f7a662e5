//! Tells code from comments and strings in Rust source, without parsing it.

/// A source with only one kind of text left; everything else is blanks, line ends are kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) code: String,
    pub(crate) comments: String,
}

/// Splits a source.
pub(crate) fn split(source: &str) -> Parts {
    let bytes = source.as_bytes();
    let mut code = blanks(bytes);
    let mut comments = blanks(bytes);
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (len, is_comment) = if rest.starts_with(b"//") {
            (until_line_end(rest), true)
        } else if rest.starts_with(b"/*") {
            (block_comment(rest), true)
        } else if let Some(len) = literal(bytes, at) {
            (len, false)
        } else {
            code[at] = bytes[at];
            at += 1;
            continue;
        };
        if is_comment {
            comments[at..at + len].copy_from_slice(&bytes[at..at + len]);
        }
        at += len;
    }
    Parts {
        code: String::from_utf8_lossy(&code).into_owned(),
        comments: String::from_utf8_lossy(&comments).into_owned(),
    }
}

fn blanks(bytes: &[u8]) -> Vec<u8> {
    let keep = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
    bytes.iter().map(keep).collect()
}

fn until_line_end(rest: &[u8]) -> usize {
    let end = rest.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(rest.len())
}

/// The length of a block comment, comments within it included.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at.min(rest.len())
}

/// The length of the string or character that begins here, if one does.
fn literal(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    match rest.first()? {
        b'"' => Some(quoted(rest, b'"')),
        b'r' if !is_within_word(bytes, at) => raw(rest),
        b'\'' => character(rest),
        _ => None,
    }
}

/// True if the byte before is part of the same word; the prefixes of raw strings are not.
fn is_within_word(bytes: &[u8], at: usize) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match at.checked_sub(1).map(|before| bytes[before]) {
        Some(b'b' | b'c') => at >= 2 && word(bytes[at - 2]),
        Some(before) => word(before),
        None => false,
    }
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let start = 2 + hashes;
    let found = rest[start..].windows(end.len()).position(|it| it == end);
    Some(found.map_or(rest.len(), |index| start + index + end.len()))
}

/// A character, not a lifetime: its second quote is at hand.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)])
        .or_else(|error| std::str::from_utf8(&rest[1..=error.valid_up_to()]));
    let len = text.ok()?.chars().next()?.len_utf8();
    (rest.get(1 + len) == Some(&b'\'')).then_some(len + 2)
}

#[cfg(test)]
mod tests {
    use super::split;

    fn check(source: &str, code: &str, comments: &str) {
        let parts = split(source);
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&parts.code), code, "code of {source}");
        assert_eq!(squeezed(&parts.comments), comments, "comments of {source}");
        assert_eq!(parts.code.len(), source.len(), "offsets of {source}");
    }

    #[test]
    fn strings_and_comments_are_not_code() {
        check("a // b \"c\nd", "a d", "// b \"c");
        check("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */");
        check(r#"f("// no", x) // yes"#, "f( , x)", "// yes");
        check(r##"r#"a " // b"# + br"c" c"##, "+ b c", "");
        check(r#"'"' + 'a + "x" "#, "+ 'a +", "");
        check(r"'\'' b '\\' c", "b c", "");
        check("for r in 'é'..x", "for r in ..x", "");
        check("\"open", "", "");
        check("/* open", "", "/* open");
    }
}

//! Patterns of `.gitattributes`, matched against paths with forward slashes.

/// How many bytes of a path are matched.
const PATH_BYTES_MAX: usize = 4096;

/// Whether a pattern matches a path below the folder that the pattern's file lies in.
///
/// A pattern without a slash, except a last one, is matched against the file's name alone.
/// `*` and `?` stay within one name, `**` as a whole name stands for any number of folders.
///
/// # Complexity
///
/// At most the product of the two lengths for each `**`.
pub(crate) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let path = &path[..path.len().min(PATH_BYTES_MAX)];
    if pattern.is_empty() || pattern.ends_with(b"/") {
        // A folder's own attributes do not hold for the files in it.
        return false;
    }
    if !pattern.contains(&b'/') {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        return names_match(pattern, name);
    }
    let pattern = pattern.strip_prefix(b"/").unwrap_or(pattern);
    paths_match(pattern, path)
}

/// Matches name by name; only the last `**` needs to be taken up again.
fn paths_match(pattern: &[u8], path: &[u8]) -> bool {
    let mut wanted = Some(pattern);
    let mut rest = Some(path);
    let mut resume: Option<(Option<&[u8]>, &[u8])> = None;
    loop {
        let (head, wanted_tail) = match wanted {
            Some(wanted) => split_name(wanted),
            None if rest.is_none() => return true,
            None => (&b""[..], None),
        };
        if wanted.is_some() && head == b"**" {
            let Some(left) = rest else {
                return false;
            };
            if wanted_tail.is_none() {
                return true;
            }
            resume = Some((wanted_tail, left));
            wanted = wanted_tail;
            continue;
        }
        let step = match (wanted, rest) {
            (Some(_), Some(left)) => {
                let (name, tail) = split_name(left);
                names_match(head, name).then_some(tail)
            }
            _ => None,
        };
        if let Some(tail) = step {
            wanted = wanted_tail;
            rest = tail;
            continue;
        }
        let Some((pattern_left, path_left)) = resume else {
            return false;
        };
        let (_, Some(tail)) = split_name(path_left) else {
            return false;
        };
        resume = Some((pattern_left, tail));
        wanted = pattern_left;
        rest = Some(tail);
    }
}

fn split_name(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|&byte| byte == b'/') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

/// Matches one name with `*`, `?`, `[…]` and `\`.
fn names_match(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut resume: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            resume = Some((p + 1, n));
            p += 1;
            continue;
        }
        if p == pattern.len() && n == name.len() {
            return true;
        }
        let step = (n < name.len() && p < pattern.len())
            .then(|| one(&pattern[p..], name[n]))
            .flatten();
        if let Some(len) = step {
            p += len;
            n += 1;
            continue;
        }
        match resume {
            Some((after, from)) if from < name.len() => {
                resume = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// How long the part of the pattern is that matches one byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'[' => match class(pattern, byte) {
            Some((len, is_in)) => is_in.then_some(len),
            None => (byte == b'[').then_some(1),
        },
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        other => (other == byte).then_some(1),
    }
}

/// The length of a class `[…]` and whether the byte is in it; `None` if it is not closed.
fn class(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let mut at = 1;
    let is_negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(is_negated);
    let mut is_in = false;
    let mut is_first = true;
    loop {
        let &this = pattern.get(at)?;
        if this == b']' && !is_first {
            return Some((at + 1, is_in != is_negated));
        }
        is_first = false;
        if this == b'[' && pattern.get(at + 1) == Some(&b':') {
            let end = pattern[at..].windows(2).position(|it| it == b":]")?;
            is_in |= named_class(&pattern[at + 2..at + end], byte);
            at += end + 2;
            continue;
        }
        let low = if this == b'\\' {
            at += 1;
            *pattern.get(at)?
        } else {
            this
        };
        at += 1;
        let is_range =
            pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|it| *it != b']');
        if is_range {
            at += 1;
            if pattern[at] == b'\\' {
                at += 1;
            }
            let high = *pattern.get(at)?;
            at += 1;
            is_in |= (low..=high).contains(&byte);
        } else {
            is_in |= low == byte;
        }
    }
}

fn named_class(name: &[u8], byte: u8) -> bool {
    match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"lower" => byte.is_ascii_lowercase(),
        b"upper" => byte.is_ascii_uppercase(),
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

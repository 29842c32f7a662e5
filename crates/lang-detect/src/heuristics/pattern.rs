//! Matches a pattern at a place of a line.

use memchr::{memchr, memchr2};

use super::{Atom, is_blank, is_word};

/// How far into a line a pattern looks.
const LINE_BYTES_MAX: usize = 512;

/// Whether a pattern matches the beginning of a text.
///
/// A pattern that ends with a word's letter matches only whole words.
///
/// # Complexity
///
/// Linear in the text for each [`Atom::Any`] of the pattern; of the text 512 bytes are read.
pub(super) fn matches(atoms: &[Atom], ignores_case: bool, text: &[u8]) -> bool {
    let text = &text[..text.len().min(LINE_BYTES_MAX)];
    let mut at = 0;
    let mut index = 0;
    // Where to go on from if what follows the last `Any` does not match: that is enough, since
    // an earlier `Any` could only have taken more.
    let mut resume: Option<(usize, usize)> = None;
    while index < atoms.len() {
        if matches!(atoms[index], Atom::Any) {
            resume = Some((index, at));
            index += 1;
            continue;
        }
        if let Some(len) = step(atoms, index, ignores_case, &text[at..], text, at) {
            at += len;
            index += 1;
            continue;
        }
        let Some((any, from)) = &mut resume else {
            return false;
        };
        let Some(next) = candidate(atoms.get(*any + 1), ignores_case, text, *from + 1) else {
            return false;
        };
        *from = next;
        at = next;
        index = *any + 1;
    }
    true
}

/// The first place from `from` on at which an atom can match.
fn candidate(atom: Option<&Atom>, ignores_case: bool, text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let Some(Atom::Text(wanted)) = atom else {
        return Some(from);
    };
    let first = *wanted.as_bytes().first()?;
    let offset = if ignores_case {
        memchr2(first.to_ascii_lowercase(), first.to_ascii_uppercase(), rest)
    } else {
        memchr(first, rest)
    };
    offset.map(|offset| from + offset)
}

/// How many bytes an atom takes, or `None` if it does not match.
fn step(
    atoms: &[Atom],
    index: usize,
    ignores_case: bool,
    rest: &[u8],
    text: &[u8],
    at: usize,
) -> Option<usize> {
    match atoms[index] {
        Atom::Text(wanted) => {
            let wanted = wanted.as_bytes();
            let found = rest.get(..wanted.len())?;
            let is_same = if ignores_case {
                found.eq_ignore_ascii_case(wanted)
            } else {
                found == wanted
            };
            let last = wanted.last().copied().unwrap_or(b' ');
            let is_end = index + 1 == atoms.len();
            let goes_on = rest.get(wanted.len()).is_some_and(|&next| is_word(next));
            let is_after_any = index > 0 && matches!(atoms[index - 1], Atom::Any);
            let first = wanted.first().copied().unwrap_or(b' ');
            let begins_inside = is_after_any
                && is_word(first)
                && at > 0
                && text.get(at - 1).is_some_and(|&before| is_word(before));
            let ends_inside = is_end && is_word(last) && goes_on;
            let is_whole = !ends_inside && !begins_inside;
            (is_same && is_whole).then_some(wanted.len())
        }
        Atom::Blanks => Some(run(rest, is_blank)).filter(|len| *len > 0),
        Atom::MaybeBlanks => Some(run(rest, is_blank)),
        Atom::Word => word(rest),
        Atom::Capital => word(rest).filter(|_| rest[0].is_ascii_uppercase()),
        Atom::Digits => Some(run(rest, |byte| byte.is_ascii_digit())).filter(|len| *len > 0),
        Atom::End => (run(rest, is_blank) == rest.len()).then_some(rest.len()),
        Atom::Any => Some(0),
    }
}

fn word(rest: &[u8]) -> Option<usize> {
    let starts = rest.first().is_some_and(|byte| !byte.is_ascii_digit());
    Some(run(rest, is_word)).filter(|len| starts && *len > 0)
}

fn run(rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    rest.iter()
        .position(|&byte| !belongs(byte))
        .unwrap_or(rest.len())
}

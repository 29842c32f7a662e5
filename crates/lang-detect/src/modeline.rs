//! What an editor is told to take the file for.

use memchr::{memchr_iter, memmem, memrchr_iter};

use crate::Language;

/// How many lines at either end of a file are looked at.
const LINES: usize = 5;

/// How many bytes at either end hold those lines at most.
const ENDS_BYTES_MAX: usize = 2 * 1024;

/// Names that editors use and the data do not.
const EDITOR_NAMES: &[(&str, Language)] = &[
    ("bindzone", Language::DnsZone),
    ("c#", Language::CSharp),
    ("conf-unix", Language::Ini),
    ("cs", Language::CSharp),
    ("dosini", Language::Ini),
    ("gitconfig", Language::GitConfig),
    ("htmldjango", Language::Jinja),
    ("javascriptreact", Language::JavaScript),
    ("js2", Language::JavaScript),
    ("js-jsx", Language::JavaScript),
    ("latex", Language::TeX),
    ("lisp-interaction", Language::EmacsLisp),
    ("makefile-gmake", Language::Makefile),
    ("cperl", Language::Perl),
    ("nxml", Language::Xml),
    ("octave", Language::Matlab),
    ("perl6", Language::Raku),
    ("plaintex", Language::TeX),
    ("shell-script", Language::Shell),
    ("systemverilog", Language::SystemVerilog),
    ("typescriptreact", Language::Tsx),
    ("xs", Language::Xs),
];

/// The language that a modeline of Vim or Emacs names, if one does.
pub(crate) fn language(content: &[u8]) -> Option<Language> {
    let head = &content[..content.len().min(ENDS_BYTES_MAX)];
    let tail = &content[content.len().saturating_sub(ENDS_BYTES_MAX)..];
    let first = memchr_iter(b'\n', head).nth(LINES - 1);
    let last = memrchr_iter(b'\n', tail).nth(LINES - 1);
    let first = &head[..first.unwrap_or(head.len())];
    let last = &tail[last.map_or(0, |at| at + 1)..];
    in_lines(first.split(|&byte| byte == b'\n'), first)
        .or_else(|| in_lines(last.rsplit(|&byte| byte == b'\n'), last))
        .or_else(|| local_variables(tail))
}

fn in_lines<'a>(mut lines: impl Iterator<Item = &'a [u8]>, all: &[u8]) -> Option<Language> {
    if !may_hold_one(all) {
        return None;
    }
    lines.find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        emacs(line).or_else(|| vim(line))
    })
}

/// A quick look that spares most files the slow one.
fn may_hold_one(text: &[u8]) -> bool {
    [&b"-*-"[..], b"vim", b"vi:", b"Vim:", b"ex:"]
        .iter()
        .any(|mark| memmem::find(text, mark).is_some())
}

/// `-*- mode: x; … -*-` or `-*- x -*-`.
fn emacs(line: &str) -> Option<Language> {
    let (_, rest) = line.split_once("-*-")?;
    let (inner, _) = rest.split_once("-*-")?;
    if !inner.contains(':') {
        return named(inner.trim());
    }
    inner.split(';').find_map(mode_setting)
}

fn mode_setting(setting: &str) -> Option<Language> {
    let (key, value) = setting.split_once(':')?;
    key.trim()
        .eq_ignore_ascii_case("mode")
        .then(|| named(value.trim()))?
}

/// The block `Local Variables: … End:` at a file's end.
fn local_variables(tail: &[u8]) -> Option<Language> {
    let start = memmem::find_iter(tail, b"Local Variables:").last()?;
    let block = String::from_utf8_lossy(&tail[start..]);
    block.lines().find_map(|line| {
        let (before, value) = line.split_once("mode:")?;
        let is_key = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        let value = value.split_whitespace().next()?;
        is_key.then(|| named(value))?
    })
}

/// `vim: set ft=x:`, `vi:`, `ex:`, with or without `set`.
fn vim(line: &str) -> Option<Language> {
    let start = ["vim:", "vi:", "ex:", "Vim:"]
        .iter()
        .find_map(|mark| {
            line.match_indices(mark).find_map(|(at, _)| {
                let is_first = line[..at].ends_with([' ', '\t']) || at == 0;
                is_first.then_some(at + mark.len())
            })
        })
        .or_else(|| versioned_vim(line))?;
    let options = &line[start..];
    options.split([' ', '\t', ':']).find_map(|option| {
        let (key, value) = option.split_once('=')?;
        if !matches!(key.trim(), "ft" | "filetype" | "syntax" | "syn") {
            return None;
        }
        let value = value.split('.').next().unwrap_or(value);
        named(value.trim())
    })
}

/// `vim600:`, `vim<600:`, `vim>=600:`.
fn versioned_vim(line: &str) -> Option<usize> {
    let at = line.find("vim")?;
    let rest = line[at + 3..].trim_start_matches(['<', '>', '=']);
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let has_digits = digits.len() < rest.len();
    (has_digits && digits.starts_with(':')).then(|| line.len() - digits.len() + 1)
}

fn named(name: &str) -> Option<Language> {
    let name = name.trim_end_matches("-mode").trim_end_matches("-ts");
    if name.is_empty() || name.len() > 40 {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let ours = EDITOR_NAMES.iter().find(|(known, _)| *known == lower);
    ours.map(|(_, language)| *language)
        .or_else(|| Language::from_name(&lower))
}

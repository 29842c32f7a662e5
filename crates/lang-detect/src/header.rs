//! Formats that share an extension with a language and are told by their first bytes.

use memchr::memchr;

use crate::Language;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sniffed {
    /// A text in this language.
    Text(Language),
    /// Data that are no text.
    Binary,
}

/// How many bytes may come before the first tag of an XML file.
const XML_HEAD_BYTES: usize = 512;

/// How much of a file is looked at for bytes that no text has.
const BINARY_HEAD_BYTES: usize = 8 * 1024;

/// The first bytes of formats that are no text although they may hold no zero early on.
const MAGIC: &[&[u8]] = &[
    b"\x7fELF",
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ",
    b"PK\x03\x04",
    b"%PDF-",
    b"GIF8",
    b"!<arch>\n",
    b"\x00asm",
    b"SQLite format 3",
    b"\x28\xb5\x2f\xfd",
];

/// Looks at the first bytes; `shares_with_xml` says whether the extension can be XML.
pub(crate) fn sniff(content: &[u8], shares_with_xml: bool) -> Option<Sniffed> {
    if is_binary(content) {
        return Some(Sniffed::Binary);
    }
    (shares_with_xml && is_xml(content)).then_some(Sniffed::Text(Language::Xml))
}

/// Whether the bytes are those of no text: a known signature, an MPEG stream, or a zero byte in
/// what is not UTF-16 or UTF-32.
#[must_use]
pub fn is_binary(content: &[u8]) -> bool {
    if MAGIC.iter().any(|magic| content.starts_with(magic)) || is_mpeg_stream(content) {
        return true;
    }
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return false;
    }
    let head = &content[..content.len().min(BINARY_HEAD_BYTES)];
    memchr(0, head).is_some() && !is_utf16_without_mark(head)
}

/// UTF-16 of mostly ASCII: every other byte is zero.
fn is_utf16_without_mark(head: &[u8]) -> bool {
    let zeros = |parity: usize| {
        head.iter()
            .skip(parity)
            .step_by(2)
            .filter(|it| **it == 0)
            .count()
    };
    let half = head.len() / 2;
    let (even, odd) = (zeros(0), zeros(1));
    half >= 8 && (even == 0 && odd * 10 >= half * 9 || odd == 0 && even * 10 >= half * 9)
}

fn is_xml(content: &[u8]) -> bool {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let head = &content[..content.len().min(XML_HEAD_BYTES)];
    let head = head.trim_ascii_start();
    head.starts_with(b"<?xml")
        || head.starts_with(b"<!DOCTYPE TS")
        || head.starts_with(b"<TS ")
        || head.starts_with(b"<TS>")
        || head.starts_with(b"<map version")
        || head.starts_with(b"<tileset ")
}

fn is_mpeg_stream(content: &[u8]) -> bool {
    const PACKET_BYTES: usize = 188;
    const SYNC_BYTE: u8 = 0x47;
    content.len() > PACKET_BYTES
        && content
            .iter()
            .step_by(PACKET_BYTES)
            .take(4)
            .all(|&byte| byte == SYNC_BYTE)
}

/// The language of a text whose first bytes are unmistakable.
pub(crate) fn text_by_first_bytes(content: &[u8]) -> Option<Language> {
    const STARTS: &[(&[u8], Language)] = &[
        (b"<?php", Language::Php),
        (b"%!PS", Language::PostScript),
        (b"\\documentclass", Language::TeX),
        (b"diff --git ", Language::Diff),
        (b"--- a/", Language::Diff),
        (b"*** Begin Patch", Language::Diff),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK", Language::PublicKey),
    ];
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let content = content.trim_ascii_start();
    let start = STARTS.iter().find(|(start, _)| content.starts_with(start));
    if let Some((_, language)) = start {
        return Some(*language);
    }
    let head = &content[..content.len().min(16)];
    let is_html = [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|tag| head.len() >= tag.len() && head[..tag.len()].eq_ignore_ascii_case(tag));
    is_html.then_some(Language::Html)
}

//! Gradle's scripts, in Groovy and in Kotlin, read for the texts in quotes.

use std::cell::LazyCell;

use super::{DependencyKind, Manifest};
use crate::project::blank;

/// How many calls of one kind are looked at.
pub(super) const CALLS_MAX: usize = 1_000;

/// How far behind a call its texts are looked for.
pub(super) const CALL_BYTES_MAX: usize = 4_000;

pub(super) fn read(text: &str) -> Manifest {
    let text = blank::slashes(text);
    let mut manifest = Manifest::of("jvm");
    for line in text.lines() {
        let words = line.trim();
        // Once for a line, which may be long: only a line with quotes asks.
        let is_plugin = LazyCell::new(|| {
            ["id ", "id(", "apply plugin", "apply(plugin", "classpath"]
                .iter()
                .any(|start| words.starts_with(start))
                || words.contains(" plugin:")
        });
        for quoted in quoted(words) {
            if quoted.matches(':').count() >= 1 && !quoted.starts_with(':') {
                coordinates(&mut manifest, quoted);
            } else if *is_plugin {
                manifest.depends(&format!("plugin:{quoted}"), "", DependencyKind::Other);
            }
        }
        // `kotlin("jvm")`, `` `java-library` `` and the bare names of the plugins block.
        // Most lines call nothing, and are spared the two searches.
        let call = if words.contains('(') { words } else { "" };
        if let Some((_, rest)) = call.split_once("kotlin(\"") {
            let module = rest.split('"').next().unwrap_or_default();
            manifest.depends(
                &format!("plugin:kotlin-{module}"),
                "",
                DependencyKind::Other,
            );
        }
        let bare = words.trim_matches('`');
        if !bare.is_empty()
            && bare.len() <= 40
            && bare
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        {
            manifest.depends(&format!("plugin:{bare}"), "", DependencyKind::Other);
        }
        if let Some((_, rest)) = call.split_once("alias(libs.plugins.") {
            let alias = rest.split(')').next().unwrap_or_default().replace('.', "-");
            manifest.depends(&format!("plugin:{alias}"), "", DependencyKind::Other);
        }
    }
    included(&mut manifest, &text);
    manifest
}

/// What `include` names: `':a:b'` is the directory `a/b`.
fn included(manifest: &mut Manifest, text: &str) {
    for (at, call) in text.match_indices("include").take(CALLS_MAX) {
        let before = text[..at].chars().next_back();
        let rest = &text[at + call.len()..];
        if before.is_some_and(|c| c.is_alphanumeric() || c == '.')
            || !rest.starts_with(['(', ' ', '\n'])
        {
            continue;
        }
        let rest = &rest[..rest.floor_char_boundary(CALL_BYTES_MAX)];
        // A call ends at its bracket; without one, at the first line that no comma continues.
        let end = if rest.starts_with('(') {
            rest.find(')').unwrap_or(rest.len())
        } else {
            let mut end = 0;
            for line in rest.split_inclusive('\n') {
                end += line.len();
                if !line.trim_end().ends_with(',') {
                    break;
                }
            }
            end
        };
        for path in quoted(&rest[..end]) {
            manifest.has_member(&path.trim_start_matches(':').replace(':', "/"));
        }
    }
}

/// `group:artifact:version`.
pub(super) fn coordinates(manifest: &mut Manifest, text: &str) {
    let mut parts = text.splitn(3, ':');
    if let (Some(group), Some(artifact)) = (parts.next(), parts.next()) {
        let is_name = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'$')
                })
        };
        if is_name(group) && is_name(artifact) {
            let version = parts.next().unwrap_or_default();
            let version = version.split(['@', ':']).next().unwrap_or_default();
            manifest.depends(
                &format!("{group}:{artifact}"),
                version,
                DependencyKind::Other,
            );
        }
    }
}

/// The texts between single or double quotes on a line.
pub(super) fn quoted(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.find(['"', '\''])?;
        let quote = rest[start..].chars().next()?;
        let inner = &rest[start + 1..];
        let end = inner.find(quote)?;
        rest = &inner[end + 1..];
        Some(&inner[..end])
    })
}

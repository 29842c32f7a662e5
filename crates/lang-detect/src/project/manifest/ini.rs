//! `setup.cfg` and `tox.ini`: requirements and commands under keys.

use super::pyproject::requires;
use super::{DependencyKind, Manifest};
use crate::project::commands;

pub(super) fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::of("python");
    let mut key = "";
    for line in text.lines() {
        if line.trim_start().starts_with(['#', ';']) || line.trim().is_empty() {
            continue;
        }
        let is_continued = line.starts_with([' ', '\t']);
        let mut value = line.trim();
        if !is_continued {
            if value.starts_with('[') {
                key = "";
                continue;
            }
            let Some((name, rest)) = value.split_once('=').or_else(|| value.split_once(':')) else {
                continue;
            };
            key = name.trim();
            value = rest.trim();
        }
        // tox puts the environments before the value: `py3{9,10}: pytest`.
        let value = match value.split_once(": ") {
            Some((environments, rest)) if !environments.contains(' ') => rest,
            _ => value,
        };
        match key {
            "install_requires" => requires(&mut manifest, value, DependencyKind::Runtime),
            "deps" | "tests_require" | "test" | "dev" | "testing" => {
                requires(&mut manifest, value, DependencyKind::Other);
            }
            key if key.starts_with("commands") => {
                manifest.commands.extend(commands::in_line(value));
            }
            _ => {}
        }
    }
    manifest
}

//! Any paths and texts give an answer, the same one in any order.

use std::fs;

use claude_flow_lang_detect::project::{Text, Tree, detect};
use proptest::prelude::*;

use super::labels::{fixtures, unpacked};

/// The names that a reader or a rule asks for.
const NAMES: &[&str] = &[
    "package.json",
    "deno.jsonc",
    "pnpm-workspace.yaml",
    "lerna.json",
    "rush.json",
    "Cargo.toml",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "noxfile.py",
    "Pipfile",
    "hatch.toml",
    "requirements.txt",
    "go.mod",
    "go.work",
    "pom.xml",
    "build.gradle",
    "settings.gradle.kts",
    "gradle/libs.versions.toml",
    "CMakeLists.txt",
    "meson.build",
    "configure.ac",
    "Makefile",
    "composer.json",
    "Gemfile",
    "a.gemspec",
    "a.csproj",
    "a.sln",
    "Package.swift",
    "mix.exs",
    ".github/workflows/ci.yml",
    "justfile",
    "a.c",
    "b.kt",
];

/// Text that looks like a manifest at places.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\[\\]{}\"':,=<>/#*%q$!&;|() \n\ta-c0-9.-]{0,200}",
        "(include|session.run\\(|\\{:|kotlin\\(\"|%q<|alias\\(libs.plugins.|\"|'|\n|a|é|\\)|,|:){0,40}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => proptest::sample::select(NAMES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    ("(|a/|a/b/|packages/c/|../|/)", name)
        .prop_map(|(directory, name)| format!("{directory}{name}"))
}

fn asked_everything(files: &[(String, String)]) -> String {
    let entries = files
        .iter()
        .map(|(path, text)| (path.as_str(), Text::Given(text.as_str())));
    let projects = detect(&Tree::new(entries));
    for (path, _) in files {
        let _ = projects.test_file(path);
    }
    format!("{projects:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Would catch a panic, and an answer that hangs on the order of the listing.
    #[test]
    fn any_listing_has_one_answer(mut files in proptest::collection::vec((path(), text()), 0..12)) {
        // Of two entries with one path the first stays, so that only the paths may be alike.
        files.sort();
        files.dedup_by(|(a, _), (b, _)| a == b);
        let answer = asked_everything(&files);
        files.reverse();
        prop_assert_eq!(answer, asked_everything(&files));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Would catch a panic over manifests that are almost right: real ones, cut and spliced.
    #[test]
    fn damaged_manifests_are_survived(
        pick in any::<proptest::sample::Index>(),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), text()), 1..8),
    ) {
        let all = ["ex_doc", "flask", "greetd", "guice", "vite-react-ts", "wasmkit", "jekyll", "monolog"];
        let name = all[pick.index(all.len())];
        let text = fs::read_to_string(fixtures().join(format!("{name}.txtar"))).expect("a fixture");
        let files = unpacked(&text).into_iter().map(|(path, text)| {
            let mut text = text.unwrap_or_default();
            for (at, new) in &cuts {
                let at = text.floor_char_boundary(at.index(text.len() + 1));
                let end = text.floor_char_boundary((at + new.len()).min(text.len()));
                text.replace_range(at..end, new);
            }
            (path, text)
        });
        let files: Vec<(String, String)> = files.collect();
        let _ = asked_everything(&files);
    }
}

/// Would catch work that grows with the square of a hostile manifest.
#[test]
fn large_hostile_manifests_end() {
    let size = 500_000;
    let texts = [
        ("package.json", "[".repeat(size)),
        ("pyproject.toml", format!("a = {}", "[".repeat(size))),
        ("Cargo.toml", format!("[{}a]", "a.".repeat(size / 2))),
        ("pom.xml", "<a>".repeat(size / 3)),
        ("build.gradle", "include(\"".repeat(size / 9)),
        ("settings.gradle", "include a,\n".repeat(size / 11)),
        ("noxfile.py", "session.run(".repeat(size / 12)),
        ("setup.py", "install_requires=[".repeat(size / 18)),
        ("mix.exs", "{:".repeat(size / 2)),
        ("Package.swift", ".package(".repeat(size / 9)),
        ("CMakeLists.txt", "GTest_".repeat(size / 6)),
        ("Makefile", "npx ".repeat(size / 4)),
        ("deno.jsonc", "/*".repeat(size / 2)),
        (
            "pnpm-workspace.yaml",
            format!("packages:\n{}", "- a*b*c*d*e*/**/**/x\n".repeat(size / 22)),
        ),
        ("go.mod", "require (\n".repeat(size / 10)),
    ];
    let files: Vec<(String, String)> = texts
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text))
        .collect();
    let _ = asked_everything(&files);
}

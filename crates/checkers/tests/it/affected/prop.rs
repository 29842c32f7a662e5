//! Random projects with random imports: a test that reaches what broke is always chosen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use claude_flow_checkers::affected::{File, Graph};
use proptest::prelude::*;

/// How a project is written down.
#[derive(Debug, Clone, Copy)]
enum Written {
    Script,
    Python,
    Rust,
    Go,
    Java,
    C,
}

/// Modules that import earlier ones, and tests that import modules; each import with a spelling.
#[derive(Debug, Clone)]
struct Project {
    modules: Vec<Vec<(usize, usize)>>,
    tests: Vec<Vec<(usize, usize)>>,
}

impl Project {
    /// The tests that reach a module.
    fn reaching(&self, broken: usize) -> BTreeSet<usize> {
        let mut reaches = vec![false; self.modules.len()];
        for (at, imports) in self.modules.iter().enumerate() {
            reaches[at] = at == broken || imports.iter().any(|(to, _)| reaches[*to]);
        }
        let tests = self.tests.iter().enumerate();
        let reaching = tests.filter(|(_, imports)| imports.iter().any(|(to, _)| reaches[*to]));
        reaching.map(|(at, _)| at).collect()
    }
}

fn projects() -> impl Strategy<Value = Project> {
    let imports = || prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize), 0..3);
    let parts = (
        prop::collection::vec(imports(), 2..9),
        prop::collection::vec(imports(), 1..5),
    );
    parts.prop_map(|(modules, tests)| {
        let count = modules.len();
        let modules = modules.into_iter().enumerate().map(|(at, imports)| {
            let earlier = imports.into_iter().filter(|_| at > 0);
            earlier.map(|(to, how)| (to.index(at), how)).collect()
        });
        let tests = tests.into_iter().map(|imports| {
            imports
                .into_iter()
                .map(|(to, how)| (to.index(count), how))
                .collect()
        });
        Project {
            modules: modules.collect(),
            tests: tests.collect(),
        }
    })
}

impl Written {
    fn module(self, at: usize) -> String {
        match self {
            Self::Script => format!("src/part{}/mod{at}.js", at % 3),
            Self::Python => format!("app/part{}/mod{at}.py", at % 3),
            Self::Rust => format!("mod{at}/src/lib.rs"),
            Self::Go => format!("mod{at}/it.go"),
            Self::Java => format!("src/main/java/p/mod{at}/It.java"),
            Self::C => format!("src/mod{at}.c"),
        }
    }

    fn test(self, at: usize) -> String {
        match self {
            Self::Script => format!("test/deep/case{at}.test.js"),
            Self::Python => format!("tests/test_case{at}.py"),
            Self::Rust => format!("case{at}/tests/it.rs"),
            Self::Go => format!("case{at}/it_test.go"),
            Self::Java => format!("src/test/java/t/case{at}/ItTest.java"),
            Self::C => format!("test/case{at}_test.c"),
        }
    }

    /// An import as it stands in a module of the first kind of folder or in a test.
    fn import(self, to: usize, how: usize, is_test: bool) -> String {
        let part = to % 3;
        match self {
            Self::Script => {
                let up = if is_test { "../../src" } else { ".." };
                let path = format!("{up}/part{part}/mod{to}");
                match how {
                    0 => format!("import it from '{path}.js';\n"),
                    1 => format!("const it{to} = require(\"{path}\");\n"),
                    2 => format!("export * from '{path}';\n"),
                    3 => format!("/* don't */ const it = await import('{path}.js');\n"),
                    4 => format!("import {{\n  a,\n  b as c,\n}} from '{path}';\n"),
                    5 => format!("import '{path}';\n"),
                    6 => format!("const url = new URL('{path}.js', import.meta.url);\n"),
                    _ => format!("const p = `{path}.js`; jest.mock('{path}');\n"),
                }
            }
            Self::Python => match how {
                0 => format!("import app.part{part}.mod{to}\n"),
                1 => format!("from app.part{part} import mod{to} as it\n"),
                2 => format!("from app.part{part}.mod{to} import *\n"),
                3 => format!("from app.part{part} import (  # don't\n    mod{to},\n)\n"),
                4 => format!(
                    "def late():\n    from app.part{part}.mod{to} import a, \\\n        b\n"
                ),
                5 => format!("import json; import os, app.part{part}.mod{to} as x\n"),
                6 if !is_test => format!("from ..part{part} import mod{to}\n"),
                _ => format!("it = importlib.import_module('app.part{part}.mod{to}')\n"),
            },
            Self::Rust => format!("use mod{to}::it;\n"),
            Self::Go => format!("import x{to} \"example.com/m/mod{to}\"\n"),
            Self::Java => match how % 3 {
                0 => format!("import p.mod{to}.It;\n"),
                1 => format!("import static p.mod{to}.It.*;\n"),
                _ => format!("class U{to} {{ p.mod{to}.It it; }}\n"),
            },
            Self::C => format!("#include \"mod{to}.h\"\n"),
        }
    }

    fn imports(self, imports: &[(usize, usize)], is_test: bool) -> String {
        imports
            .iter()
            .map(|(to, how)| self.import(*to, *how, is_test))
            .collect()
    }

    fn files(self, project: &Project) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let manifest = |name: &str, imports: &[(usize, usize)]| {
            let mut text = format!("[package]\nname = \"{name}\"\n[dependencies]\n");
            for (to, _) in imports {
                writeln!(text, "mod{to}.path = \"../mod{to}\"").expect("a string takes it");
            }
            text
        };
        for (at, imports) in project.modules.iter().enumerate() {
            let head = match self {
                Self::Java => format!("package p.mod{at};\n"),
                Self::Go => format!("package mod{at}\n"),
                Self::C => format!("#include \"mod{at}.h\"\n"),
                _ => String::new(),
            };
            let text = format!("{head}{}", self.imports(imports, false));
            files.push((self.module(at), text));
            match self {
                Self::Rust => files.push((
                    format!("mod{at}/Cargo.toml"),
                    manifest(&format!("mod{at}"), imports),
                )),
                Self::C => files.push((format!("src/mod{at}.h"), String::new())),
                _ => {}
            }
        }
        for (at, imports) in project.tests.iter().enumerate() {
            let head = match self {
                Self::Java => format!("package t.case{at};\n"),
                Self::Go => format!("package case{at}\n"),
                _ => String::new(),
            };
            let tail = if matches!(self, Self::Rust) {
                "#[test]\nfn it() {}\n"
            } else {
                ""
            };
            let text = format!("{head}{}{tail}", self.imports(imports, true));
            files.push((self.test(at), text));
            if matches!(self, Self::Rust) {
                files.push((
                    format!("case{at}/Cargo.toml"),
                    manifest(&format!("case{at}"), imports),
                ));
            }
        }
        match self {
            Self::Go => files.push(("go.mod".to_owned(), "module example.com/m\n".to_owned())),
            Self::Script => files.push(("package.json".to_owned(), "{}".to_owned())),
            _ => {}
        }
        files
    }
}

fn check(written: Written, project: &Project, broken: usize) {
    let broken = broken % project.modules.len();
    let files = written.files(project);
    let files: Vec<File<'_>> = files
        .iter()
        .map(|(path, text)| File::new(path, text))
        .collect();
    let affected = Graph::new(&files).affected(&[&written.module(broken)]);
    let chosen: BTreeSet<&str> = affected
        .tests
        .iter()
        .map(|test| test.path.as_str())
        .collect();
    let reaching = project.reaching(broken);
    let paths: Vec<String> = (0..project.tests.len())
        .map(|at| written.test(at))
        .collect();
    for (at, path) in paths.iter().enumerate() {
        let is_reaching = reaching.contains(&at);
        let is_chosen = chosen.contains(path.as_str());
        assert!(
            is_chosen || !is_reaching,
            "{path} reaches {broken} and is left out"
        );
        // Linking C is more than its includes tell, and numbers of crates may begin alike.
        let is_exact = !matches!(written, Written::C | Written::Rust);
        assert!(
            !is_exact || is_reaching || !is_chosen,
            "{path} does not reach {broken}"
        );
    }
}

proptest! {
    #[test]
    fn a_seeded_breakage_is_never_left_out(project in projects(), broken in 0..9_usize) {
        for written in [Written::Script, Written::Python, Written::Rust, Written::Go, Written::Java, Written::C] {
            check(written, &project, broken);
        }
    }

    #[test]
    fn any_texts_give_an_answer(
        texts in prop::collection::vec("[a-z'\"`./(){}*\\\\\n éimport from]{0,80}", 1..6),
        endings in prop::collection::vec(prop::sample::select(vec![
            "py", "js", "rs", "go", "java", "c", "h", "json", "md", "rb",
        ]), 6),
    ) {
        let paths: Vec<String> = endings.iter().enumerate().map(|(at, it)| format!("a/test_{at}.{it}")).collect();
        let files: Vec<File<'_>> = paths.iter().zip(&texts).map(|(path, text)| File::new(path, text)).collect();
        let graph = Graph::new(&files);
        for path in &paths {
            let _ = graph.affected(&[path]);
            let _ = graph.seen(&[path]);
        }
    }
}

//! Behaviour of the detection of projects, by example.

use claude_flow_lang_detect::project::{
    Confidence, EvidenceKind, Key, Project, Projects, Text, Tier, Tree, detect, wants_text,
};

/// The projects of a listing in which an empty text stands for a file that nobody read.
fn projects(files: &[(&str, &str)]) -> Projects {
    detect(&Tree::new(files.iter().map(|(path, text)| {
        let text = if text.is_empty() {
            Text::NotGiven
        } else {
            Text::Given(text)
        };
        (*path, text)
    })))
}

fn at<'p>(projects: &'p Projects, directory: &str) -> &'p Project {
    let found = projects
        .all()
        .iter()
        .find(|project| project.directory == directory);
    found.expect("a project is there")
}

fn ids(project: &Project, key: Key) -> Vec<&str> {
    project.of(key).map(|finding| finding.id).collect()
}

/// Checks the commands of a project: of the whole suite, and of one file.
fn check_commands(files: &[(&str, &str)], file: &str, all: &str, one: &str) {
    let projects = projects(files);
    let project = projects
        .project_of(file)
        .expect("the file lies in a project");
    assert_eq!(project.test_all().expect("a suite").to_string(), all);
    assert_eq!(projects.test_file(file).expect("a test").to_string(), one);
}

#[test]
fn the_declared_package_manager_goes_before_lock_files_and_those_are_named() {
    let projects = projects(&[
        ("package.json", r#"{"packageManager": "pnpm@9.1.0"}"#),
        ("package-lock.json", ""),
        ("yarn.lock", ""),
    ]);
    let project = at(&projects, "");
    let manager = project
        .first(Key::PackageManager)
        .expect("a package manager");
    assert_eq!(
        (manager.id, manager.confidence),
        ("pnpm", Confidence::Certain)
    );
    let mut also: Vec<&str> = project.also_locked.iter().map(|one| one.id).collect();
    also.sort_unstable();
    assert_eq!(also, ["npm", "yarn"]);
}

#[test]
fn without_anything_said_habit_answers_and_says_so() {
    let projects = projects(&[("package.json", "{}")]);
    let manager = at(&projects, "")
        .first(Key::PackageManager)
        .expect("a package manager");
    assert_eq!((manager.id, manager.confidence), ("npm", Confidence::Habit));
}

#[test]
fn a_member_takes_the_package_manager_of_its_root() {
    let files = [
        (
            "package.json",
            r#"{"workspaces": ["packages/*"], "devDependencies": {"eslint": "9"}}"#,
        ),
        ("yarn.lock", ""),
        (
            "packages/a/package.json",
            r#"{"name": "a", "scripts": {"test": "vitest"}, "devDependencies": {"vitest": "^3"}}"#,
        ),
        // A lock file that somebody left in a member locks nothing.
        ("packages/a/package-lock.json", ""),
    ];
    let projects = projects(&files);
    let member = at(&projects, "packages/a");
    assert_eq!(ids(member, Key::PackageManager), ["yarn"]);
    assert_eq!(ids(member, Key::Linter), ["eslint"]);
    assert_eq!(
        member.first(Key::Linter).expect("eslint").from.as_deref(),
        Some("")
    );
    assert_eq!(member.workspace.as_deref(), Some(""));
    assert_eq!(at(&projects, "").members, ["packages/a"]);
    assert_eq!(
        ids(at(&projects, ""), Key::Test),
        ["vitest"],
        "the root has its members' tests"
    );
    check_commands(
        &files,
        "packages/a/x.test.ts",
        "yarn test",
        "yarn vitest run x.test.ts",
    );
}

#[test]
fn excluded_directories_are_no_members() {
    let projects = projects(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"crates/b\"]\n",
        ),
        ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
        ("crates/b/Cargo.toml", "[package]\nname = \"b\"\n"),
    ]);
    assert_eq!(at(&projects, "").members, ["crates/a"]);
    assert_eq!(at(&projects, "crates/b").workspace, None);
}

#[test]
fn a_file_belongs_to_the_nearest_project_of_its_kind() {
    let projects = projects(&[
        ("go.mod", "module m\n"),
        ("main_test.go", ""),
        ("web/package.json", "{}"),
        ("web/app.ts", ""),
        ("web/embed.go", ""),
        ("bindings/Cargo.toml", "[package]\nname = \"b\"\n"),
    ]);
    let ecosystem = |path: &str| projects.project_of(path).map(|project| project.ecosystem);
    assert_eq!(ecosystem("web/app.ts"), Some("javascript"));
    assert_eq!(
        ecosystem("web/embed.go"),
        Some("go"),
        "a Go file is the module's"
    );
    assert_eq!(
        ecosystem("web/style.css"),
        Some("javascript"),
        "nobody claims it: the nearest"
    );
    assert_eq!(ecosystem("bindings/src/lib.rs"), Some("rust"));
    assert_eq!(ecosystem("README.md"), Some("go"));
    assert_eq!(
        ecosystem("webby/x.css"),
        Some("go"),
        "a directory is no prefix of a name"
    );
}

#[test]
fn several_ecosystems_share_a_directory() {
    let projects = projects(&[
        ("Cargo.toml", "[package]\nname = \"x\"\n"),
        ("package.json", "{\"name\": \"x\"}"),
        (
            "pyproject.toml",
            "[project]\nname = \"x\"\ndependencies = [\"pytest\"]\n",
        ),
        ("go.mod", "module x\n"),
        ("Package.swift", "let x = 1\n"),
    ]);
    let all: Vec<&str> = projects
        .all()
        .iter()
        .map(|project| project.ecosystem)
        .collect();
    assert_eq!(all, ["javascript", "python", "rust", "go", "swift"]);
    assert_eq!(
        projects
            .project_of("bindings/a.swift")
            .expect("one")
            .ecosystem,
        "swift"
    );
    let javascript = &projects.all()[0];
    assert_eq!(
        ids(javascript, Key::Test),
        Vec::<&str>::new(),
        "pytest is none of npm's"
    );
}

#[test]
fn commands_of_every_core_ecosystem() {
    check_commands(
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
            ("a/Cargo.toml", "[package]\nname = \"the-a\"\n"),
            ("a/src/lib.rs", ""),
            ("a/tests/it.rs", ""),
        ],
        "a/tests/it.rs",
        "cargo test -p the-a",
        "cargo test -p the-a --test it",
    );
    check_commands(
        &[
            ("pyproject.toml", "[tool.pytest.ini_options]\n"),
            ("poetry.lock", ""),
        ],
        "tests/test_a.py",
        "poetry run pytest",
        "poetry run pytest tests/test_a.py",
    );
    check_commands(
        &[("go.mod", "module m\n"), ("a/b_test.go", "")],
        "a/b_test.go",
        "go test ./...",
        "go test ./a",
    );
    check_commands(
        &[
            ("settings.gradle", "include ':core:api'\n"),
            ("gradlew", ""),
            (
                "core/api/build.gradle",
                "dependencies { testImplementation 'junit:junit:4.13' }\n",
            ),
            ("core/api/src/test/java/ATest.java", ""),
        ],
        "core/api/src/test/java/ATest.java",
        "./gradlew :core:api:test",
        "./gradlew :core:api:test --tests '*.ATest'",
    );
    check_commands(
        &[
            (
                "CMakeLists.txt",
                "project(x)\nenable_testing()\nfind_package(GTest)\n",
            ),
            ("x_test.cc", ""),
        ],
        "x_test.cc",
        "ctest --test-dir build",
        "ctest --test-dir build -R x_test",
    );
}

#[test]
fn a_command_at_the_root_says_where() {
    let projects = projects(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
        ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
    ]);
    assert_eq!(
        at(&projects, "a").test_all().expect("a suite").directory,
        ""
    );
}

#[test]
fn a_name_with_spaces_and_braces_stays_one_argument() {
    let projects = projects(&[("package.json", r#"{"devDependencies": {"jest": "29"}}"#)]);
    let one = projects.test_file("a b/{stem}'s.test.js").expect("a test");
    assert_eq!(one.arguments, ["jest", "a b/{stem}'s.test.js"]);
    assert_eq!(one.to_string(), "npx jest 'a b/{stem}'\\''s.test.js'");
}

#[test]
fn what_npm_writes_for_want_of_a_test_is_none() {
    let text = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#;
    assert_eq!(
        at(&projects(&[("package.json", text)]), "").test_all(),
        None
    );
}

#[test]
fn a_word_in_a_comment_is_no_evidence() {
    let projects = projects(&[
        (
            "CMakeLists.txt",
            "project(x)\n# find_package(GTest)\nset(a notGTest)\n",
        ),
        ("a.c", ""),
    ]);
    assert_eq!(ids(at(&projects, ""), Key::Test), Vec::<&str>::new());
}

#[test]
fn a_framework_has_the_version_that_is_asked_for() {
    let projects = projects(&[(
        "pom.xml",
        "<project><properties><v>6.1.2</v></properties><dependencies><dependency>\
         <groupId>org.springframework</groupId><artifactId>spring-web</artifactId>\
         <version>${v}</version></dependency></dependencies></project>",
    )]);
    let spring = at(&projects, "").first(Key::Framework).expect("Spring");
    assert_eq!(
        (spring.id, spring.version.as_deref()),
        ("spring", Some("6.1.2"))
    );
    assert_eq!(spring.evidence[0].kind, EvidenceKind::Dependency);
    assert_eq!(spring.evidence[0].file, "pom.xml");
}

#[test]
fn what_cannot_be_understood_is_said() {
    let broken = projects(&[
        ("package.json", "{\"name\": "),
        ("Cargo.toml", "[package\n"),
    ]);
    let paths: Vec<&str> = broken
        .problems()
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(paths, ["Cargo.toml", "package.json"]);
    assert_eq!(
        broken.all().len(),
        2,
        "a broken manifest makes a project all the same"
    );
    let large = detect(&Tree::new([
        ("package.json", Text::TooLarge),
        ("go.mod", Text::Unreadable),
    ]));
    assert_eq!(large.problems().len(), 2);
}

#[test]
fn other_peoples_code_and_data_of_tests_are_no_projects() {
    let projects = projects(&[
        ("node_modules/a/package.json", "{}"),
        ("vendor/b/go.mod", "module b\n"),
        ("tests/fixtures/c/Cargo.toml", "[package]\nname = \"c\"\n"),
        ("../d/package.json", "{}"),
        ("/e/package.json", "{}"),
        ("f//package.json", "{}"),
    ]);
    assert!(projects.all().is_empty());
    assert!(!wants_text("node_modules/a/package.json"));
}

#[test]
fn members_in_a_circle_end() {
    let projects = projects(&[
        (
            "a/pom.xml",
            "<project><modules><module>../b</module></modules></project>",
        ),
        (
            "b/pom.xml",
            "<project><modules><module>../a</module></modules></project>",
        ),
    ]);
    assert_eq!(projects.all().len(), 2);
}

#[test]
fn tiers_follow_what_is_there() {
    let tier = |files: &[(&str, &str)]| at(&projects(files), "").tier();
    assert_eq!(tier(&[("package.json", "{}")]), Tier::Syntax);
    let style = r#"{"devDependencies": {"eslint": "9"}}"#;
    assert_eq!(tier(&[("package.json", style)]), Tier::Style);
    let types = r#"{"devDependencies": {"eslint": "9", "typescript": "5"}}"#;
    assert_eq!(tier(&[("package.json", types)]), Tier::Types);
    let tests = r#"{"devDependencies": {"jest": "29"}}"#;
    assert_eq!(tier(&[("package.json", tests)]), Tier::Tests);
    let full = r#"{"devDependencies": {"eslint": "9", "typescript": "5", "vitest": "3", "@vitest/coverage-v8": "3"}}"#;
    assert_eq!(tier(&[("package.json", full)]), Tier::Full);
}

#[test]
fn coverage_names_the_reports_that_it_writes() {
    let projects = projects(&[("go.mod", "module m\n"), ("a_test.go", "")]);
    let coverage = at(&projects, "").first(Key::Coverage).expect("go's own");
    assert_eq!(coverage.reports, ["go-coverprofile"]);
}

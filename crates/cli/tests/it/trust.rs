//! `claude-flow trust`: what is said, and what is kept.

use crate::program::Project;

#[test]
fn a_directory_is_trusted_listed_and_revoked() {
    let project = Project::new();
    project.write("work/a/file", "");
    let nothing = project.run(&["trust", "--list"]).expect_code(0);
    assert!(
        nothing.stdout.contains("no directory is trusted"),
        "{}",
        nothing.stdout
    );
    let told = project.run(&["trust", "work"]).expect_code(0);
    assert!(told.stdout.contains("work is trusted"), "{}", told.stdout);
    let listed = project
        .run(&["trust", "--list", "--format", "json"])
        .expect_code(0);
    let listed = listed.json();
    assert_eq!(
        listed["roots"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );

    let covered = project.run(&["trust", "--revoke", "work/a"]).expect_code(2);
    assert!(
        covered.stderr.contains("is trusted because"),
        "{}",
        covered.stderr
    );
    project.run(&["trust", "--revoke", "work"]).expect_code(0);
    let again = project.run(&["trust", "--revoke", "work"]).expect_code(2);
    assert!(
        again.stderr.contains("work is not trusted"),
        "{}",
        again.stderr
    );
}

#[test]
fn what_cannot_be_trusted_is_said() {
    let project = Project::new();
    project.write("file", "");
    for (path, wanted) in [("none", "check the path"), ("file", "not a directory")] {
        let refused = project.run(&["trust", path]).expect_code(2);
        assert!(refused.stderr.contains(wanted), "{}", refused.stderr);
    }
    let broken = project.path("home/.local/state/claude-flow/trusted.toml");
    project.write("home/.local/state/claude-flow/trusted.toml", "roots = 1\n");
    let refused = project.run(&["trust", "--list"]).expect_code(2);
    assert!(
        refused.stderr.contains(&*broken.to_string_lossy()),
        "{}",
        refused.stderr
    );
}

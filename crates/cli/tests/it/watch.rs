//! `claude-flow watch`: a line for each file that changes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::program::Project;

/// Ends with its test.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_change_is_one_line_of_json() {
    let project = Project::new();
    project.write("src/a.json", "{}\n");
    let mut command = project.command();
    let command = command
        .arg("watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut watch = Watch(command.spawn().expect("it starts"));
    let stderr = watch.0.stderr.take().expect("a pipe");
    let mut said = String::new();
    let read = BufReader::new(stderr).read_line(&mut said);
    read.expect("it says that it watches");
    assert!(said.starts_with("watching 2 directories below "), "{said}");
    let mut lines = BufReader::new(watch.0.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("it is text");
        serde_json::from_str(&line).expect("it is JSON")
    };
    for (content, errors) in [("{\"a\": }\n", 1), ("{\"a\": 1}\n", 0)] {
        project.write("src/a.json", content);
        let document = next();
        assert!(
            document["files"][0]["path"]
                .as_str()
                .is_some_and(|it| it.ends_with("src/a.json"))
        );
        assert_eq!(document["summary"]["errors"], errors, "{document}");
    }
}

#[test]
fn what_cannot_be_watched_is_told() {
    let ended = Project::new().run(&["watch", "gone"]).expect_code(2);
    assert!(
        ended.stderr.contains("gone cannot be watched"),
        "{}",
        ended.stderr
    );
}

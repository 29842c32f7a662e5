//! A ruff that misbehaves as the text tells it, and the sandbox's helper, for the tests of this crate.
//!
//! Of `x = 7` it finds "saw 7", of `x = 7 # clean` nothing. As a server it obeys the last word of the text;
//! when it is started for one question, it always answers rightly.

#![cfg_attr(
    target_os = "linux",
    expect(
        clippy::disallowed_methods,
        reason = "as a tool, it reads the file that it is asked about"
    )
)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    claude_flow_sandbox::become_helper_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--version") => {
            println!("ruff 0.0.1");
            ExitCode::SUCCESS
        }
        Some("server") => server::serve(),
        Some("check") => once::check(arguments.last().map_or("", |path| path)),
        // It has nothing against the layout of any text.
        Some("format") => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("the tests that use this program are for Linux");
    ExitCode::from(2)
}

/// What is found in a text.
#[cfg(target_os = "linux")]
fn found(text: &str) -> Option<String> {
    let is_clean = text.contains("clean");
    let number = text.strip_prefix("x = ")?.split_whitespace().next()?;
    (!is_clean).then(|| format!("saw {number}"))
}

#[cfg(target_os = "linux")]
mod once {
    use std::process::ExitCode;

    use serde_json::json;

    pub(super) fn check(path: &str) -> ExitCode {
        if path.contains("ignored") {
            eprintln!("warning: No Python files found under the given path(s)");
            println!("[]");
            return ExitCode::SUCCESS;
        }
        let Ok(text) = std::fs::read_to_string(path) else {
            return ExitCode::from(2);
        };
        let found = super::found(&text);
        let place = |column: u32| json!({"row": 1, "column": column});
        let items = found.iter().map(|message| {
            json!({
                "code": "FAKE", "filename": path, "message": message, "url": null, "fix": null,
                "location": place(1), "end_location": place(2),
            })
        });
        println!("{}", items.collect::<serde_json::Value>());
        ExitCode::from(u8::from(found.is_some()))
    }
}

#[cfg(target_os = "linux")]
mod server {
    use std::io::{self, BufRead, Read, Write};
    use std::process::ExitCode;

    use serde_json::{Value, json};

    /// The longest message, in bytes.
    const MESSAGE_BYTES_MAX: u64 = 1 << 20;

    fn read(input: &mut impl BufRead) -> Option<Value> {
        let mut bytes = 0;
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok().filter(|len| *len > 0)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                bytes = value.trim().parse().ok()?;
            }
        }
        let mut body = Vec::new();
        let limit = bytes.min(MESSAGE_BYTES_MAX);
        input.take(limit).read_to_end(&mut body).ok()?;
        serde_json::from_slice(&body).ok()
    }

    fn write(value: &Value) {
        let body = value.to_string();
        let mut output = io::stdout().lock();
        let _ = write!(output, "Content-Length: {}\r\n\r\n{body}", body.len());
        let _ = output.flush();
    }

    fn answer(id: &Value, result: &Value) {
        write(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    pub(super) fn serve() -> ExitCode {
        let mut input = io::stdin().lock();
        let mut text = String::new();
        let mut path = String::new();
        while let Some(message) = read(&mut input) {
            let document = &message["params"]["textDocument"];
            match message["method"].as_str().unwrap_or_default() {
                "initialize" => answer(&message["id"], &json!({"capabilities": {}})),
                "textDocument/didOpen" => {
                    let opened = document["text"].as_str().unwrap_or_default();
                    opened.clone_into(&mut text);
                    let uri = document["uri"].as_str().unwrap_or_default();
                    uri.clone_into(&mut path);
                }
                "textDocument/diagnostic" => diagnose(&message["id"], &text, &path),
                _ => answer(&message["id"], &Value::Null),
            }
        }
        ExitCode::SUCCESS
    }

    fn diagnose(id: &Value, text: &str, path: &str) {
        let report = report(text, path);
        match text.split_whitespace().next_back() {
            Some("hang") => {}
            Some("crash") => std::process::abort(),
            Some("garble") => print!("Content-Length: many\r\n\r\n"),
            Some("refuse") => write(
                &json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": "no"}}),
            ),
            Some("echo") => {
                // Answers of another text to a question of before, and to one that nobody asked.
                let other = self::report("x = 0", path);
                let before = id.as_u64().unwrap_or_default().saturating_sub(1);
                answer(&json!(before), &other);
                answer(&json!(1_000_000), &other);
                answer(id, &report);
                answer(id, &other);
            }
            _ => answer(id, &report),
        }
        let _ = io::stdout().flush();
    }

    fn report(text: &str, path: &str) -> Value {
        let is_mistake = text.trim() == ")";
        let said = if path.contains("ignored") {
            None
        } else if is_mistake {
            Some("it cannot be parsed".to_owned())
        } else {
            super::found(text)
        };
        let place = |character: u32| json!({"line": 0, "character": character});
        let items = said.into_iter().map(|message| {
            json!({
                "code": "FAKE", "message": message, "severity": 2,
                "range": {"start": place(0), "end": place(1)},
            })
        });
        json!({"kind": "full", "items": items.collect::<Value>()})
    }
}

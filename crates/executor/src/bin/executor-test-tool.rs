//! A tool that misbehaves as it is told, and the sandbox's helper, for the tests of this crate.
//!
//! Its second argument is only there to find it among the processes.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    claude_flow_sandbox::become_helper_if_asked();
    match std::env::args().nth(1).as_deref() {
        Some("rpc") => tool::serve_rpc(),
        Some("lines") => tool::serve_lines(),
        _ => {
            eprintln!("executor-test-tool (rpc | lines) MARK");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("the tests that use this program are for Linux");
    ExitCode::from(2)
}

#[cfg(target_os = "linux")]
mod tool {
    use std::io::{self, BufRead, Read, Write};
    use std::process::ExitCode;

    use serde_json::{Value, json};

    /// How much a request for a leak leaks.
    const LEAK_BYTES: usize = 8 << 20;

    /// How much a request for a flood writes.
    const FLOOD_BYTES: usize = 1 << 20;

    /// Waits for a byte that nobody sends.
    fn hang() -> ! {
        loop {
            let Ok((mut reader, _writer)) = io::pipe() else {
                continue;
            };
            let _ = reader.read(&mut [0]);
        }
    }

    fn write_framed(body: &str, length: usize) {
        let mut stdout = io::stdout().lock();
        // A test that does not listen any more ends this process.
        let _ = write!(stdout, "Content-Length: {length}\r\n\r\n{body}");
        let _ = stdout.flush();
    }

    fn send(message: &Value) {
        let body = message.to_string();
        write_framed(&body, body.len());
    }

    fn read_message(input: &mut impl BufRead) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().ok()?,
                None => break,
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        serde_json::from_slice(&body).ok()
    }

    fn leak(kept: &mut Vec<Vec<u8>>) {
        // Written to, so that it is resident.
        kept.push(vec![1; LEAK_BYTES]);
    }

    fn flood() {
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        for _ in 0..FLOOD_BYTES / line.len() {
            let _ = io::stderr().write_all(&line);
        }
    }

    pub(super) fn serve_rpc() -> ExitCode {
        let mut input = io::stdin().lock();
        let mut kept = Vec::new();
        let mut held_back = Vec::new();
        while let Some(message) = read_message(&mut input) {
            for late in held_back.drain(..) {
                send(&late);
            }
            let method = message["method"].as_str().unwrap_or("").to_owned();
            let answer =
                json!({"jsonrpc": "2.0", "id": message["id"], "result": message["params"]});
            match method.as_str() {
                "hang" => hang(),
                "silence" | "$/cancelRequest" => {}
                "late" => held_back.push(answer),
                "exit" => return ExitCode::from(7),
                "answer and exit" => {
                    send(&answer);
                    return ExitCode::from(7);
                }
                "abort" => std::process::abort(),
                "short" => write_framed(&answer.to_string(), answer.to_string().len() - 5),
                "long" => write_framed(&answer.to_string(), answer.to_string().len() + 5),
                "huge" => write_framed(&answer.to_string(), usize::MAX),
                "nonsense" => print!("Segmentation fault\r\n\r\n"),
                "wrong id" => {
                    send(&json!({"jsonrpc": "2.0", "id": 1_000_000, "result": "wrong"}));
                    send(&answer);
                }
                "refuse" => send(&json!({
                    "jsonrpc": "2.0",
                    "id": message["id"],
                    "error": {"code": -32000, "message": "refused", "data": message["params"]},
                })),
                "notify" => {
                    send(&json!({"jsonrpc": "2.0", "method": "told", "params": message["params"]}));
                    send(&answer);
                }
                "ask" => {
                    let asked = json!({
                        "jsonrpc": "2.0",
                        "id": "mine",
                        "method": message["params"],
                        "params": [1],
                    });
                    send(&asked);
                    let told = read_message(&mut input).unwrap_or_default();
                    send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": told}));
                }
                "flood" => {
                    flood();
                    send(&answer);
                }
                "leak" => {
                    leak(&mut kept);
                    send(&answer);
                }
                "close" => {
                    close_output();
                    hang();
                }
                _ if message["id"].is_null() => {}
                _ => send(&answer),
            }
            let _ = io::stdout().flush();
        }
        ExitCode::SUCCESS
    }

    /// What was written to the output before goes to the standard error from here on.
    fn close_output() {
        let _ = rustix::stdio::dup2_stdout(io::stderr());
    }

    pub(super) fn serve_lines() -> ExitCode {
        let mut kept = Vec::new();
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            match line.split(' ').next().unwrap_or("") {
                "hang" => hang(),
                "exit" => return ExitCode::from(7),
                "abort" => std::process::abort(),
                "twice" => println!("{line}\n{line}"),
                "endless" => print!("{}", "x".repeat(FLOOD_BYTES)),
                "binary" => drop(io::stdout().write_all(b"\xff\xfe\n")),
                "flood" => {
                    flood();
                    println!("{line}");
                }
                "leak" => {
                    leak(&mut kept);
                    println!("{line}");
                }
                _ => println!("{line}"),
            }
            let _ = io::stdout().flush();
        }
        ExitCode::SUCCESS
    }
}

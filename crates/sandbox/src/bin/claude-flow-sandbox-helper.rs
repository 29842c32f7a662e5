//! The helper as a program of its own, for callers whose `main` is not theirs to change.

fn main() -> std::process::ExitCode {
    claude_flow_sandbox::become_helper_if_asked();
    eprintln!("this program is started by the claude-flow sandbox, not by hand");
    std::process::ExitCode::from(2)
}

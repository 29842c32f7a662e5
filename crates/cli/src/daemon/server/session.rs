//! The events of an agent's session that only the daemon can answer.

use claude_flow::pipeline::Trust;

use super::State;
use super::author::{Said, Watched};
use crate::hook::{self, Answer, Workspace};

/// What is still broken of what the session edited; nothing if the agent was told so already.
pub(super) fn stop(state: &State, said: &Said<'_>, watched: &Watched<'_>) -> Answer {
    if said.stop_hook_active {
        return Answer::default();
    }
    let (questions, left_out) = state.sessions.broken(said.session());
    let paths: Vec<_> = questions.iter().map(|one| one.path.clone()).collect();
    let documents = watched.check(questions);
    let told: Vec<_> = paths
        .iter()
        .zip(&documents)
        .filter(|(_, document)| document.summary.errors > 0)
        .filter_map(|(path, document)| {
            let shown = path.strip_prefix(watched.directory).unwrap_or(path);
            Some((document.files.first()?, shown.to_string_lossy()))
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(file, shown)| (*file, &**shown)).collect();
    hook::answer_to_stop(&told, left_out)
}

/// One line about what the agent can expect.
pub(super) fn start(state: &State) -> Answer {
    let root = state.place.root();
    let trusted = Trust::of_user().map(|trust| trust.root_of(root));
    let tools = match trusted {
        Some(Ok(Some(_))) => "the project's own formatters, linters and type checkers run too",
        _ => "the project's own tools do not run, because it is not trusted (`claude-flow trust`)",
    };
    hook::answer_to_session_start(&format!(
        "claude-flow checks each edited file in {} right after the edit; {tools}",
        root.display()
    ))
}

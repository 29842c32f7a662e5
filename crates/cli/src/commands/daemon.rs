//! `claude-flow daemon`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::args::{DaemonArgs, DaemonCommand};
use crate::daemon::{self, Options, Place, Question, Reply, Status, client};
use crate::output::write_styled;
use crate::visible::visible;

/// How long an answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How long the end is waited for: what is being answered is answered before.
const END_MAX: Duration = Duration::from_secs(12);

/// It does not run.
const EXIT_ABSENT: u8 = 1;

/// Runs it, asks it or ends it.
pub(super) fn run(args: &DaemonArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let directory = std::env::current_dir().context("the working directory is gone")?;
    let place = Place::of(&directory);
    match args.command {
        None => {
            let options = Options {
                is_in_background: args.background,
                idle_max: Duration::from_secs(args.idle),
            };
            daemon::run(place, options)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(DaemonCommand::Status) => status(&place, &directory, color),
        Some(DaemonCommand::Stop) => stop(&place, color),
    }
}

fn status(place: &Place, directory: &Path, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let root = place.root().display().to_string();
    let Some(pid) = place.holder()? else {
        let text = format!("no daemon runs for {}\n", visible(&root));
        write_styled(text.as_bytes(), color)?;
        return Ok(ExitCode::from(EXIT_ABSENT));
    };
    let asked = client::ask_at(
        place,
        directory,
        Question::Status,
        Instant::now() + ANSWER_MAX,
    );
    let reply = asked.with_context(|| format!("the daemon, process {pid}, does not answer"))?;
    let Reply::Status(status) = reply else {
        bail!("the daemon, process {pid}, does not say how it is");
    };
    let Status {
        version,
        root,
        uptime_s,
        answered,
        refused,
        connections,
        resident_bytes,
    } = status;
    let text = format!(
        "daemon {version} for {}, process {pid}\n\
         up {uptime_s} s, answered {answered}, refused {refused}, connections {connections}, \
         resident {resident_bytes} bytes\nlog {}\n",
        visible(&root),
        visible(&place.log().display().to_string()),
    );
    write_styled(text.as_bytes(), color)?;
    Ok(ExitCode::SUCCESS)
}

fn stop(place: &Place, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let root = place.root().display().to_string();
    let Some(pid) = place.holder()? else {
        let text = format!("no daemon runs for {}\n", visible(&root));
        write_styled(text.as_bytes(), color)?;
        return Ok(ExitCode::SUCCESS);
    };
    let failed = || format!("the daemon, process {pid}, cannot be ended");
    let process = pidfd_open(pid, PidfdFlags::empty()).with_context(failed)?;
    // Only if it still holds the lock is it certain that the number is not another process's by now.
    if place.holder()? == Some(pid) {
        pidfd_send_signal(&process, Signal::TERM).with_context(failed)?;
    }
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    let pause = Timespec::try_from(END_MAX)?;
    if poll(&mut ended, Some(&pause)).with_context(failed)? == 0 {
        bail!(
            "the daemon, process {pid}, has not ended within {} s",
            END_MAX.as_secs()
        );
    }
    let text = format!("the daemon for {} has ended\n", visible(&root));
    write_styled(text.as_bytes(), color)?;
    Ok(ExitCode::SUCCESS)
}

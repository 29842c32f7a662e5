//! Keys and rosters.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use claude_flow::consensus::{PublicKey, Roster, RosterOptions};
use claude_flow::consensus_node::{Address, Home, RosterFile};
use hex::FromHex as _;

use crate::args::GroupArgs;
use crate::failure::Usage;
use crate::output::write_plain;

/// The roster file's name in a group's directory.
const ROSTER: &str = "roster.toml";

/// Makes a key and prints its public half.
pub(super) fn keygen(directory: &Path) -> anyhow::Result<ExitCode> {
    let key = Home::new(directory).generate_key()?;
    write_plain(format!("{}\n", hex::encode(key.0)).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a roster, and makes the keys of a group on this machine.
pub(super) fn init(args: &GroupArgs) -> anyhow::Result<ExitCode> {
    let roster_path = args.directory.join(ROSTER);
    if roster_path.exists() {
        let path = roster_path.display();
        bail!(
            "{path} is there already; a changed roster is another group, give it a directory of its own"
        );
    }
    fs::create_dir_all(&args.directory)
        .with_context(|| format!("making {}", args.directory.display()))?;
    let mut out = String::new();
    let (keys, addresses) = if args.member.is_empty() {
        make_local(args, &mut out)?
    } else {
        members(&args.member)?
    };
    let roster = Roster::new(RosterOptions {
        epoch: args.epoch,
        keys,
        faults: args.faults,
        approval_votes: args.approval_votes,
    })?;
    let (agreement, n) = (roster.agreement().votes(), roster.committee().n());
    let file = RosterFile { roster, addresses };
    write_new(&roster_path, &file.to_text())?;
    let path = roster_path.display();
    writeln!(
        out,
        "{path} written: {agreement} of {n} must answer, {} may lie, {} votes approve",
        args.faults, args.approval_votes
    )?;
    write_plain(out.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

type Members = (Vec<PublicKey>, Vec<Address>);

fn make_local(args: &GroupArgs, out: &mut String) -> anyhow::Result<Members> {
    // Before any key is made: a roster that cannot be leaves nothing behind.
    let n = args.validators;
    let placeholders = (0..n).map(|id| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&id.to_le_bytes());
        PublicKey(key)
    });
    Roster::new(RosterOptions {
        epoch: args.epoch,
        keys: placeholders.collect(),
        faults: args.faults,
        approval_votes: args.approval_votes,
    })?;
    let directory = std::path::absolute(&args.directory)
        .with_context(|| format!("finding {}", args.directory.display()))?;
    let (mut keys, mut addresses) = (Vec::new(), Vec::new());
    for id in 0..n {
        let name = format!("validator-{id}");
        keys.push(Home::new(&args.directory.join(&name)).generate_key()?);
        addresses.push(Address::Unix(directory.join(&name).join("peers.sock")));
        writeln!(out, "{} made", args.directory.join(&name).display())?;
    }
    Ok((keys, addresses))
}

fn members(members: &[String]) -> anyhow::Result<Members> {
    let (mut keys, mut addresses) = (Vec::new(), Vec::new());
    for member in members {
        let Some((key, address)) = member.split_once('=') else {
            return Err(Usage(format!("{member:?} is not KEY=ADDRESS")).into());
        };
        let Ok(bytes) = <[u8; 32]>::from_hex(key) else {
            let text =
                format!("{key:?} is no public key: `claude-flow consensus keygen` prints one");
            return Err(Usage(text).into());
        };
        keys.push(PublicKey(bytes));
        addresses.push(address.parse().map_err(|error| Usage(format!("{error}")))?);
    }
    Ok((keys, addresses))
}

/// Never overwrites.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })
    .with_context(|| format!("writing {}", path.display()))
}

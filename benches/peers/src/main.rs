//! Measures the workspace's rings, pools and executor beside their rivals, one figure a process.
//!
//!     peers list
//!     peers run MEASURE WHO [--quick]
//!
//! `cargo xtask bench ringbuf --peers` runs it many times and prints tables. What an adapter
//! implements is in `ring.rs`, `pool.rs`, `executor.rs` and `process.rs`; who takes part in what is in
//! `catalogue.rs`; the ratios wanted are in `targets.toml`.

mod catalogue;
mod executor;
mod floor;
mod machine;
mod peers;
mod pool;
mod process;
mod ring;
mod round_trip;
mod throughput;

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::json;

use crate::catalogue::{Entry, LEFT_OUT, Work};
use crate::machine::Effort;

const USAGE: &str = "\
peers list                        every measure and who takes part, as lines of JSON
peers run MEASURE WHO [--quick]   measure one of them, as a line of JSON
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["list"] => {
            list();
            Ok(())
        }
        ["run", measure, who] => run(measure, who, Effort::FULL),
        ["run", measure, who, "--quick"] => run(measure, who, Effort::QUICK),
        ["partner", measure, who, dir] => partner(measure, who, Path::new(dir)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::from(2)
        }
    }
}

fn list() {
    for measure in catalogue::measures() {
        for entry in measure.entries {
            let line = json!({
                "measure": measure.name,
                "area": measure.area,
                "about": measure.about,
                "who": entry.who,
                "role": entry.role,
            });
            println!("{line}");
        }
    }
    for (who, why) in LEFT_OUT {
        println!("{}", json!({ "left_out": who, "why": why }));
    }
}

fn run(measure: &str, who: &str, effort: Effort) -> Result<(), String> {
    let figures = match find(measure, who)?.work {
        Work::Alone(work) => work(&effort),
        Work::WithPartner { host, .. } => {
            let program = env::current_exe().map_err(|error| error.to_string())?;
            let mut command = Command::new(program);
            host(&effort, command.args(["partner", measure, who]))
        }
    };
    let line = json!({ "measure": measure, "who": who, "figures": figures });
    println!("{line}");
    Ok(())
}

/// The second process of a measure, which the first one starts.
fn partner(measure: &str, who: &str, dir: &Path) -> Result<(), String> {
    match find(measure, who)?.work {
        Work::Alone(_) => Err(format!("{measure} needs no partner")),
        Work::WithPartner { partner, .. } => {
            partner(dir);
            Ok(())
        }
    }
}

fn find(measure: &str, who: &str) -> Result<Entry, String> {
    let mut measures = catalogue::measures().into_iter();
    let found = measures.find(|it| it.name == measure);
    let measure =
        found.ok_or_else(|| format!("there is no measure {measure:?}; see peers list"))?;
    let mut entries = measure.entries.into_iter();
    let found = entries.find(|entry| entry.who == who);
    found.ok_or_else(|| format!("{who:?} takes no part in {}; see peers list", measure.name))
}

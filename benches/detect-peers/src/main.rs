//! Asks one detector about the files of a list, and measures it.
//!
//!     detect-peers ours|hyperpolyglot|gengo|tokei LIST ANSWERS
//!
//! LIST has a line for each file: root, path below it and language, with tabs between. ANSWERS gets
//! a line for each with what was told, and the figures go to the output as JSON.
//! Everybody gets a path and reads what it wants of the file: that is within the time, since not
//! every rival takes bytes. `cargo xtask detect-corpus --peers` runs it and prints a table.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use claude_flow_lang_detect::{CONTENT_BYTES_MAX, Input, Language, examine};

/// How often every file is asked for; the first time, which fills caches, does not count.
const ROUNDS: usize = 4;

/// How much of a file gengo reads by its own default.
const GENGO_BYTES: usize = 1 << 20;

/// Tells a file's language from its root and the path below it.
type Detector = fn(&Path, &str) -> io::Result<Option<String>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let detector: Option<Detector> = words.first().and_then(|who| match *who {
        "ours" => Some(ours as Detector),
        "hyperpolyglot" => Some(hyperpolyglot),
        "gengo" => Some(gengo),
        "tokei" => Some(tokei),
        _ => None,
    });
    let ([_, list, answers], Some(detector)) = (&words[..], detector) else {
        eprintln!("detect-peers ours|hyperpolyglot|gengo|tokei LIST ANSWERS");
        return ExitCode::from(2);
    };
    match measure(detector, Path::new(list), Path::new(answers)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", words[0]);
            ExitCode::from(2)
        }
    }
}

fn measure(detector: Detector, list: &Path, answers: &Path) -> io::Result<()> {
    let list = fs::read_to_string(list)?;
    let files: Vec<(&Path, &str)> = list
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            Some((Path::new(columns.next()?), columns.next()?))
        })
        .collect();
    let mut told = String::new();
    let mut times = Vec::with_capacity(files.len() * (ROUNDS - 1));
    for round in 0..ROUNDS {
        for (root, path) in &files {
            let started = Instant::now();
            // A file that a detector cannot read has no language.
            let answer = black_box(detector(root, path)).unwrap_or_default();
            let time = started.elapsed();
            if round == 0 {
                told.push_str(&answer.unwrap_or_default());
                told.push('\n');
            } else {
                times.push(time);
            }
        }
    }
    fs::write(answers, told)?;
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let at = |percent: usize| {
        let time = times.get((times.len().saturating_sub(1)) * percent / 100);
        time.map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    println!(
        "{{\"files\": {}, \"files_per_second\": {:.1}, \"p50_us\": {:.2}, \"p95_us\": {:.2}}}",
        files.len(),
        f64::from(count) / total.as_secs_f64(),
        at(50),
        at(95)
    );
    Ok(())
}

/// Reads the beginning, which is all that is looked at but for the last lines.
fn ours(root: &Path, path: &str) -> io::Result<Option<String>> {
    let file = File::open(root.join(path))?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut content = Vec::with_capacity(size.saturating_add(1).min(CONTENT_BYTES_MAX));
    file.take(CONTENT_BYTES_MAX as u64)
        .read_to_end(&mut content)?;
    let language = examine(&Input::new(path, &content)).language;
    Ok(language.map(Language::name).map(str::to_owned))
}

fn hyperpolyglot(root: &Path, path: &str) -> io::Result<Option<String>> {
    let detection = ::hyperpolyglot::detect(&root.join(path))?;
    Ok(detection.map(|detection| detection.language().to_owned()))
}

fn gengo(root: &Path, path: &str) -> io::Result<Option<String>> {
    let content = fs::read(root.join(path))?;
    let language = gengo_language::Language::pick(path, &content, GENGO_BYTES);
    Ok(language.map(|language| language.name().to_owned()))
}

fn tokei(root: &Path, path: &str) -> io::Result<Option<String>> {
    let language = ::tokei::LanguageType::from_path(root.join(path), &::tokei::Config::default());
    Ok(language.map(|language| language.name().to_owned()))
}

//! Turns what the checks found into what the document says.

use claude_flow_checkers::{Finding, Outcome, Severity as Found};

use crate::document::{CheckReport, RelatedPlace, ReportedFinding, Severity, State, SuggestedFix};
use crate::run::Ended;
use crate::{Config, LineIndex, Options};

/// How findings are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling {
    severity_min: Severity,
    advice: bool,
}

impl Telling {
    pub(crate) const fn new(config: &Config, options: &Options) -> Self {
        Self {
            severity_min: config.severity(),
            advice: !options.no_recommendations,
        }
    }

    /// The report on a check that was made, or that was tried.
    ///
    /// A finding that is not told for its severity leaves the state as it is: nothing that was found
    /// reads as clean.
    pub(crate) fn check(
        self,
        name: &'static str,
        engine: String,
        ended: Ended,
        index: &LineIndex<'_>,
        mut is_known: impl FnMut(&Finding) -> bool,
    ) -> CheckReport {
        let (outcome, duration) = match ended {
            Ended::Outcome { outcome, duration } => (outcome, duration),
            Ended::TimedOut { waited, limit } => {
                let reason = format!(
                    "not done after {} ms; allow more by {limit} in claude-flow.toml",
                    waited.as_millis()
                );
                let duration_ns = Some(saturate(waited.as_nanos()));
                return blank(
                    name,
                    Some(engine),
                    State::TimedOut,
                    Some(reason),
                    duration_ns,
                );
            }
        };
        let duration_ns = Some(saturate(duration.as_nanos()));
        let found = match outcome {
            Outcome::NotRun { reason } => return not_run(name, reason),
            Outcome::Failed { reason } => {
                return blank(name, Some(engine), State::Failed, Some(reason), duration_ns);
            }
            Outcome::Checked { findings } => findings,
        };
        if found.is_empty() {
            return blank(name, Some(engine), State::Clean, None, duration_ns);
        }
        let count = found.len();
        let mut findings: Vec<_> = found
            .into_iter()
            .map(|finding| {
                let pre_existing = is_known(&finding);
                self.finding(finding, pre_existing, index)
            })
            .collect();
        findings.retain(|finding| finding.severity <= self.severity_min);
        let withheld = count - findings.len();
        let reason = (withheld > 0).then(|| {
            format!("{withheld} less severe than report.severity in claude-flow.toml left out")
        });
        CheckReport {
            findings,
            ..blank(name, Some(engine), State::Findings, reason, duration_ns)
        }
    }

    fn finding(
        self,
        finding: Finding,
        pre_existing: bool,
        index: &LineIndex<'_>,
    ) -> ReportedFinding {
        let related = finding.related.into_iter().map(|related| RelatedPlace {
            message: related.message,
            range: index.range(related.span),
        });
        let fix = finding.fix.map(|fix| SuggestedFix {
            message: fix.message,
            range: index.range(fix.span),
            replacement: fix.replacement,
        });
        ReportedFinding {
            rule: finding.rule.into_owned(),
            severity: match finding.severity {
                Found::Error => Severity::Error,
                Found::Warning => Severity::Warning,
                Found::Info => Severity::Info,
            },
            message: finding.message,
            range: index.range(finding.span),
            pre_existing,
            related: related.collect(),
            help: finding.help.filter(|_| self.advice),
            fix: fix.filter(|_| self.advice),
            docs: finding.docs.map(std::borrow::Cow::into_owned),
        }
    }
}

/// That the configuration cannot be used, and the one before it goes on.
pub(crate) fn refused_config(error: &str) -> CheckReport {
    let reason = format!("{error}; what the file said before goes on");
    let engine = format!("config {}", env!("CARGO_PKG_VERSION"));
    // It was read with the first file that asked; for this one nothing had to be done.
    blank("config", Some(engine), State::Failed, Some(reason), Some(0))
}

/// The report on a check that was not made.
pub(crate) fn not_run(name: &'static str, reason: impl Into<String>) -> CheckReport {
    blank(name, None, State::NotRun, Some(reason.into()), None)
}

/// Says of a check that the content it looked at is no longer on disk; what it found stays for reference.
pub(crate) fn make_stale(check: &mut CheckReport) {
    if matches!(check.state, State::Clean | State::Findings) {
        check.state = State::Stale;
        check.reason =
            Some("the file changed on disk while it was checked; check it again".to_owned());
    }
}

/// The checks that are planned and not built, each with an honest reason.
pub(crate) fn planned(options: &Options) -> Vec<CheckReport> {
    let flags = |flags: &[(&str, bool)], without: &str| {
        let asked: Vec<_> = flags
            .iter()
            .filter(|(_, set)| *set)
            .map(|(flag, _)| *flag)
            .collect();
        if asked.is_empty() {
            format!("not built yet: {without}")
        } else {
            format!(
                "not built yet: what {} asks for could not be checked",
                asked.join(" and ")
            )
        }
    };
    let format = if options.no_format {
        "switched off by --no-format".to_owned()
    } else {
        "no tool was asked".to_owned()
    };
    let coverage = match options.minimum_coverage {
        Some(share) => format!("there is no content for the threshold of {share} %"),
        None => "not asked for; --minimum-coverage or checks.coverage in claude-flow.toml asks"
            .to_owned(),
    };
    let tdd = if options.no_tdd {
        "switched off by --no-tdd".to_owned()
    } else {
        let asked = [
            ("--tdd-mode", options.tdd_mode),
            ("--block-on-tdd-violations", options.block_on_tdd_violations),
        ];
        let reason = flags(&asked, "the order of tests and code is not followed");
        reason.replace("not built yet", "edits are not recorded here")
    };
    let strict = [("--rust-strict", options.rust_strict)];
    let lint = if options.rust_strict {
        flags(&strict, "")
    } else {
        "no tool was asked".to_owned()
    };
    let critical = [("--block-on-critical", options.block_on_critical)];
    vec![
        not_run("format", format),
        not_run("lint", lint),
        not_run("types", "no tool was asked"),
        not_run(
            "tests",
            "not asked for; --tests or checks.tests in claude-flow.toml asks",
        ),
        not_run("coverage", coverage),
        not_run("tdd", tdd),
        not_run(
            "security",
            flags(&critical, "nothing is searched for weaknesses"),
        ),
    ]
}

/// Whether a flag asked for something that no check of this version can give.
pub(crate) fn is_asked_in_vain(planned: &CheckReport) -> bool {
    let reason = planned.reason.as_deref().unwrap_or_default();
    reason.ends_with("could not be checked")
}

fn blank(
    name: &'static str,
    engine: Option<String>,
    state: State,
    reason: Option<String>,
    duration_ns: Option<u64>,
) -> CheckReport {
    CheckReport {
        name,
        engine,
        state,
        reason,
        duration_ns,
        run: None,
        findings: Vec::new(),
    }
}

fn saturate(nanoseconds: u128) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

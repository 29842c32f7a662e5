//! Catch2's reporter `xml`, versions 2 and 3.

use std::borrow::Cow;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult, cut, seconds};
use crate::read_error::ReadError;
use crate::xml::{Node, Tag, Xml};

/// A `TestCase` while it is open.
#[derive(Debug)]
struct Case {
    test: TestResult,
    reason: Option<Reason>,
    message: String,
    expanded: String,
    /// The attribute `success` of its result; none until it has ended.
    is_success: Option<bool>,
    is_skipped: bool,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let mut document = Xml::new(text);
    let mut case: Option<Case> = None;
    let mut is_first = true;
    // The element whose text is part of a failure.
    let mut said = String::new();
    while let Some(node) = document.next()? {
        match node {
            Node::Open(tag) => {
                if is_first && !matches!(tag.name(), "Catch" | "Catch2TestRun") {
                    return Err(document.malformed("the root is no Catch"));
                }
                is_first = false;
                said.clear();
                if tag.name() == "TestCase" {
                    case = Some(Case::new(&tag));
                } else if let Some(case) = &mut case {
                    case.opens(&tag);
                }
            }
            Node::Text(text) => said.push_str(&text),
            Node::Close(end) => {
                if let Some(case) = &mut case {
                    case.takes(end.name(), said.trim());
                }
                said.clear();
                if end.name() == "TestCase"
                    && let Some(case) = case.take()
                {
                    let unended = || document.malformed("a test case without a result");
                    report.test(case.finish().ok_or_else(unended)?)?;
                }
            }
        }
    }
    Ok(())
}

impl Case {
    fn new(tag: &Tag<'_>) -> Self {
        let mut test = TestResult::new("", tag.text("name"), TestOutcome::Passed);
        test.file = tag.attribute("filename").map(Cow::into_owned);
        test.line = tag.number("line");
        Self {
            test,
            reason: None,
            message: String::new(),
            expanded: String::new(),
            is_success: None,
            is_skipped: false,
        }
    }

    /// Takes the beginning of an element within the case.
    fn opens(&mut self, tag: &Tag<'_>) {
        let is = |name: &str, value: &str| tag.attribute(name).as_deref() == Some(value);
        match tag.name() {
            "Expression" if !is("success", "false") => {}
            "Expression" | "Failure" => {
                self.reason.get_or_insert(Reason::Assertion);
            }
            "Exception" => {
                self.reason.get_or_insert(Reason::Error);
            }
            "FatalErrorCondition" => self.reason = Some(Reason::Crashed),
            "OverallResult" => {
                self.is_success = Some(is("success", "true"));
                self.is_skipped = tag.number::<u64>("skips").unwrap_or(0) > 0;
                self.test.duration = tag.number("durationInSeconds").and_then(seconds);
            }
            _ => {}
        }
    }

    /// Takes the text of an element that ends.
    fn takes(&mut self, element: &str, said: &str) {
        let is_said = matches!(
            element,
            "Original" | "Expanded" | "Exception" | "FatalErrorCondition" | "Failure" | "Info"
        );
        if !is_said || said.is_empty() {
            return;
        }
        if element == "Expanded" && self.expanded.is_empty() {
            said.clone_into(&mut self.expanded);
        }
        if !self.message.is_empty() {
            self.message.push('\n');
        }
        self.message.push_str(said);
    }

    /// None if the result of the test is missing.
    fn finish(self) -> Option<TestResult> {
        let mut test = self.test;
        test.outcome = match self.is_success? {
            false => {
                let reason = self.reason.unwrap_or(Reason::Error);
                let (actual, expected) = match self.expanded.split_once(" == ") {
                    Some((actual, expected)) => (Some(cut(actual)), Some(cut(expected))),
                    None => (None, None),
                };
                let failure = Failure {
                    reason,
                    message: cut(&self.message),
                    expected,
                    actual,
                };
                failure.into_outcome()
            }
            true if self.is_skipped => TestOutcome::Skipped,
            true => TestOutcome::Passed,
        };
        Some(test)
    }
}

//! Members of TypeScript's object types that nothing separates, which oxc lets pass.

use oxc_ast::ast::{Program, TSInterfaceBody, TSSignature, TSTypeLiteral};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;

use crate::Finding;

/// The members that follow another one without `;`, `,` or a line break between them.
pub(super) fn missing(program: &Program<'_>) -> Vec<Finding> {
    if !program.source_type.is_typescript() {
        return Vec::new();
    }
    let mut members = Members {
        text: program.source_text,
        findings: Vec::new(),
    };
    members.visit_program(program);
    members.findings
}

struct Members<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl Members<'_> {
    fn check(&mut self, signatures: &[TSSignature<'_>]) {
        for pair in signatures.windows(2) {
            let (before, after) = (pair[0].span(), pair[1].span());
            let (start, end) = (before.end as usize, after.start as usize);
            let Some(gap) = self.text.get(start.saturating_sub(1)..end) else {
                continue;
            };
            if !gap.contains([';', ',', '\n', '\r', '\u{2028}', '\u{2029}']) {
                let message = "expected `;`, `,` or a line break between the members";
                self.findings.push(Finding::error(
                    "syntax/missing-token",
                    message,
                    start..start,
                ));
            }
        }
    }
}

impl<'a> Visit<'a> for Members<'_> {
    fn visit_ts_type_literal(&mut self, literal: &TSTypeLiteral<'a>) {
        self.check(&literal.members);
        walk::walk_ts_type_literal(self, literal);
    }

    fn visit_ts_interface_body(&mut self, body: &TSInterfaceBody<'a>) {
        self.check(&body.body);
        walk::walk_ts_interface_body(self, body);
    }
}

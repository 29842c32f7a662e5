//! Headings, texts and tables, as Markdown and as HTML.

use std::fmt::Write as _;

/// What is shown, in order.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// One piece; all texts are plain.
pub(super) enum Block {
    /// What matters most.
    Lead(String),
    /// The head of a part.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Rows as long as the head.
    Table {
        head: Vec<String>,
        rows: Vec<Vec<String>>,
    },
}

/// Everything that the file needs is in it; colours follow the reader's choice of light or dark.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}\
.lead{font-size:1.5rem;font-weight:600}\
.wide{overflow-x:auto}\
table{border-collapse:collapse;font-size:.875rem}\
th,td{border:1px solid color-mix(in srgb,currentColor 25%,transparent);padding:.25rem .5rem;\
text-align:left;vertical-align:top;overflow-wrap:anywhere}\
td.pass{color:light-dark(#116329,#56d364)}\
td.fail{color:light-dark(#a40e26,#ff7b72);font-weight:600}\
td.skipped,td.partial{color:light-dark(#7d4e00,#e3b341)}";

impl Page {
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("# {}\n", marked(&self.title));
        for block in &self.blocks {
            text.push('\n');
            match block {
                Block::Lead(lead) => push_line(&mut text, &format!("**{}**", marked(lead))),
                Block::Heading(heading) => {
                    push_line(&mut text, &format!("## {}", marked(heading)));
                }
                Block::Text(paragraph) => push_line(&mut text, &marked(paragraph)),
                Block::Table { head, rows } => {
                    push_row(&mut text, head);
                    text.push_str(&"|---".repeat(head.len()));
                    text.push_str("|\n");
                    for row in rows {
                        push_row(&mut text, row);
                    }
                }
            }
        }
        text
    }

    pub(super) fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut text = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n"
        );
        for block in &self.blocks {
            match block {
                Block::Lead(lead) => {
                    push_line(&mut text, &format!("<p class=\"lead\">{}", escaped(lead)));
                }
                Block::Heading(heading) => {
                    push_line(&mut text, &format!("<h2>{}</h2>", escaped(heading)));
                }
                Block::Text(paragraph) => {
                    push_line(&mut text, &format!("<p>{}", escaped(paragraph)));
                }
                Block::Table { head, rows } => push_table(&mut text, head, rows),
            }
        }
        text.push_str("</html>\n");
        text
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn push_row(text: &mut String, cells: &[String]) {
    for cell in cells {
        text.push_str("| ");
        text.push_str(&marked(cell));
        text.push(' ');
    }
    text.push_str("|\n");
}

fn push_table(text: &mut String, head: &[String], rows: &[Vec<String>]) {
    text.push_str("<div class=\"wide\"><table>\n<tr>");
    for cell in head {
        let _ = write!(text, "<th>{}", escaped(cell));
    }
    text.push('\n');
    for row in rows {
        text.push_str("<tr>");
        for cell in row {
            let class = match cell.as_str() {
                "PASS" => " class=\"pass\"",
                "FAIL" => " class=\"fail\"",
                "PARTIAL" => " class=\"partial\"",
                "SKIPPED" => " class=\"skipped\"",
                _ => "",
            };
            let _ = write!(text, "<td{class}>{}", escaped(cell));
        }
        text.push('\n');
    }
    text.push_str("</table></div>\n");
}

/// Text that Markdown shows as it is, on one line.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => marked.push(' '),
            '\\' | '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '#' | '&' => {
                marked.push('\\');
                marked.push(c);
            }
            c if c.is_control() => {}
            c => marked.push(c),
        }
    }
    marked
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() && c != '\n' => {}
            c => escaped.push(c),
        }
    }
    escaped
}

//! Manifests in JSON: npm's, Composer's, Deno's and the monorepo tools'.

use serde_json::{Map, Value};

use super::{DependencyKind, Document, Manifest};

const JAVASCRIPT: &str = "javascript";

pub(super) fn package(text: &str) -> Manifest {
    let (mut manifest, object) = match parsed(JAVASCRIPT, text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    manifest.name = object
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned);
    for (key, kind) in [
        ("dependencies", DependencyKind::Runtime),
        ("peerDependencies", DependencyKind::Runtime),
        ("optionalDependencies", DependencyKind::Runtime),
        ("devDependencies", DependencyKind::Other),
    ] {
        dependencies(&mut manifest, &object, key, kind);
    }
    scripts(&mut manifest, &object, "scripts");
    let workspaces = object.get("workspaces");
    let packages = workspaces.and_then(|value| value.get("packages"));
    members(&mut manifest, packages.or(workspaces));
    manifest.document = Some(Document::Json(Value::Object(object)));
    manifest
}

pub(super) fn composer(text: &str) -> Manifest {
    let (mut manifest, object) = match parsed("php", text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    manifest.name = object
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned);
    dependencies(&mut manifest, &object, "require", DependencyKind::Runtime);
    dependencies(&mut manifest, &object, "require-dev", DependencyKind::Other);
    scripts(&mut manifest, &object, "scripts");
    manifest.document = Some(Document::Json(Value::Object(object)));
    manifest
}

pub(super) fn deno(text: &str) -> Manifest {
    let (mut manifest, object) = match parsed(JAVASCRIPT, &without_comments(text)) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    manifest.name = object
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned);
    for (name, target) in object
        .get("imports")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        // `npm:react@^18` and `jsr:@hono/hono@4`.
        let target = target.as_str().unwrap_or_default();
        let package = target
            .split_once(':')
            .map_or(name.as_str(), |(_, package)| package);
        let at = package.rfind('@').filter(|at| *at > 0);
        let (package, requirement) =
            at.map_or((package, ""), |at| (&package[..at], &package[at + 1..]));
        manifest.depends(package, requirement, DependencyKind::Runtime);
    }
    scripts(&mut manifest, &object, "tasks");
    members(&mut manifest, object.get("workspace"));
    manifest.document = Some(Document::Json(Value::Object(object)));
    manifest
}

pub(super) fn lerna(text: &str) -> Manifest {
    let (mut manifest, object) = match parsed(JAVASCRIPT, &without_comments(text)) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    members(&mut manifest, object.get("packages"));
    manifest.document = Some(Document::Json(Value::Object(object)));
    manifest
}

pub(super) fn rush(text: &str) -> Manifest {
    let (mut manifest, object) = match parsed(JAVASCRIPT, &without_comments(text)) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    for project in object
        .get("projects")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if let Some(folder) = project.get("projectFolder").and_then(Value::as_str) {
            manifest.has_member(folder);
        }
    }
    manifest
}

/// A file of settings that is only asked for keys.
pub(super) fn other(text: &str) -> Manifest {
    match parsed(JAVASCRIPT, &without_comments(text)) {
        Ok((mut manifest, object)) => {
            manifest.document = Some(Document::Json(Value::Object(object)));
            manifest
        }
        Err(broken) => *broken,
    }
}

fn parsed(
    family: &'static str,
    text: &str,
) -> Result<(Manifest, Map<String, Value>), Box<Manifest>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok((Manifest::of(family), object)),
        Ok(_) => Err(Box::new(Manifest::broken(family, &"it holds no object"))),
        Err(error) => Err(Box::new(Manifest::broken(family, &error))),
    }
}

fn dependencies(
    manifest: &mut Manifest,
    object: &Map<String, Value>,
    key: &str,
    kind: DependencyKind,
) {
    for (name, requirement) in object
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        manifest.depends(name, requirement.as_str().unwrap_or_default(), kind);
    }
}

fn scripts(manifest: &mut Manifest, object: &Map<String, Value>, key: &str) {
    for (name, command) in object
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match command {
            Value::String(command) => manifest.has_script(name, command),
            Value::Array(commands) => {
                let commands: Vec<&str> = commands.iter().filter_map(Value::as_str).collect();
                manifest.has_script(name, &commands.join(" && "));
            }
            Value::Object(task) => {
                let command = task.get("command").and_then(Value::as_str);
                manifest.has_script(name, command.unwrap_or_default());
            }
            _ => {}
        }
    }
}

fn members(manifest: &mut Manifest, value: Option<&Value>) {
    for pattern in value.and_then(Value::as_array).into_iter().flatten() {
        match pattern.as_str() {
            Some(pattern) if pattern.starts_with('!') => {
                manifest.excluded.push(pattern[1..].to_owned());
            }
            Some(pattern) => manifest.has_member(pattern),
            None => {}
        }
    }
}

/// JSON without comments and without commas before a closing bracket.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut is_string = false;
    while let Some(c) = rest.next() {
        if is_string {
            kept.push(c);
            match c {
                '\\' => kept.extend(rest.next()),
                '"' => is_string = false,
                _ => {}
            }
            continue;
        }
        match (c, rest.peek()) {
            ('/', Some('/')) => {
                rest.by_ref().take_while(|c| *c != '\n').for_each(drop);
                kept.push('\n');
            }
            ('/', Some('*')) => {
                let mut last = ' ';
                rest.next();
                for c in rest.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            (']' | '}', _) => {
                let end = kept.trim_end().len();
                if kept[..end].ends_with(',') {
                    kept.truncate(end - 1);
                }
                kept.push(c);
            }
            _ => {
                is_string = c == '"';
                kept.push(c);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{package, without_comments};

    #[test]
    fn comments_and_last_commas_go_and_strings_stay() {
        let text = "{ // a\n \"x\": \"// /* \\\" ,]\", /* b */ \"y\": [1, 2, ], }";
        let value: serde_json::Value =
            serde_json::from_str(&without_comments(text)).expect("it is JSON then");
        assert_eq!(value["x"], "// /* \" ,]");
        assert_eq!(value["y"][1], 2);
    }

    #[test]
    fn a_deep_document_is_a_problem_and_no_overflow() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(package(&deep).problem.is_some());
    }
}

//! `pom.xml`, read as a stream: no tree is built, no entity is expanded, no document type is read.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::{DependencyKind, Manifest};

/// How deep elements may nest.
const DEPTH_MAX: usize = 64;

/// One `dependency`, `plugin` or `parent` while it is read.
#[derive(Debug, Default)]
struct Artifact {
    group: String,
    id: String,
    version: String,
    scope: String,
}

pub(super) fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::of("jvm");
    let mut properties = BTreeMap::new();
    let mut artifacts = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut artifact = Artifact::default();
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if path.len() == DEPTH_MAX {
                    return Manifest::broken("jvm", &"its elements nest too deeply");
                }
                let name = start.local_name().as_ref().to_owned();
                if is_artifact(&name) {
                    artifact = Artifact::default();
                }
                path.push(name);
            }
            Ok(Event::Text(text)) => {
                let text = text.trim().to_owned();
                if !text.is_empty() {
                    take(&path, text, &mut artifact, &mut manifest, &mut properties);
                }
            }
            Ok(Event::End(_)) => {
                if let Some(name) = path.pop()
                    && is_artifact(&name)
                {
                    artifacts.push((name, std::mem::take(&mut artifact)));
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => return Manifest::broken("jvm", &error),
        }
    }
    for (element, found) in artifacts {
        let version = resolved(&found.version, &properties);
        let (name, kind) = match element.as_str() {
            "plugin" => (format!("plugin:{}", found.id), DependencyKind::Other),
            "dependency" if found.scope.is_empty() || found.scope == "compile" => (
                format!("{}:{}", found.group, found.id),
                DependencyKind::Runtime,
            ),
            "parent" => (
                format!("parent:{}:{}", found.group, found.id),
                DependencyKind::Other,
            ),
            _ => (
                format!("{}:{}", found.group, found.id),
                DependencyKind::Other,
            ),
        };
        manifest.depends(&name, &version, kind);
    }
    manifest
}

fn is_artifact(element: &str) -> bool {
    matches!(element, "dependency" | "plugin" | "parent")
}

fn take(
    path: &[String],
    text: String,
    artifact: &mut Artifact,
    manifest: &mut Manifest,
    properties: &mut BTreeMap<String, String>,
) {
    let mut parts = path.iter().rev().map(String::as_str);
    let (last, above) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    match (above, last) {
        ("dependency" | "plugin" | "parent", "groupId") => artifact.group = text,
        ("dependency" | "plugin" | "parent", "artifactId") => artifact.id = text,
        ("dependency" | "plugin" | "parent", "version") => artifact.version = text,
        ("dependency", "scope") => artifact.scope = text,
        ("modules", "module") => manifest.has_member(&text),
        ("project", "artifactId") if path.len() == 2 => manifest.name = Some(text),
        ("properties", property) => {
            properties.insert(property.to_owned(), text);
        }
        _ => {}
    }
}

/// A version in which one `${property}` stands; a property of properties is left as it is.
fn resolved(version: &str, properties: &BTreeMap<String, String>) -> String {
    version
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|name| properties.get(name))
        .map_or_else(|| version.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn entities_are_not_expanded() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
                    <project><artifactId>&b;</artifactId></project>";
        let manifest = read(bomb);
        assert!(manifest.name.is_none_or(|name| !name.contains("aaaa")));
    }

    #[test]
    fn deep_elements_are_a_problem() {
        assert!(read(&"<a>".repeat(100_000)).problem.is_some());
    }

    #[test]
    fn properties_stand_for_versions() {
        let manifest = read(
            "<project><properties><spring.version>6.1</spring.version></properties><dependencies>\
             <dependency><groupId>g</groupId><artifactId>a</artifactId>\
             <version>${spring.version}</version></dependency></dependencies></project>",
        );
        assert_eq!(manifest.dependencies[0].name, "g:a");
        assert_eq!(manifest.dependencies[0].requirement, "6.1");
    }
}

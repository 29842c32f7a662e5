//! Manifests in TOML: Cargo's, pipenv's, hatch's, Gradle's catalogue.

use toml::{Table, Value};

use super::{DependencyKind, Document, Manifest};

pub(super) fn parsed(family: &'static str, text: &str) -> Result<(Manifest, Table), Box<Manifest>> {
    match text.parse::<Table>() {
        Ok(table) => Ok((Manifest::of(family), table)),
        Err(error) => Err(Box::new(Manifest::broken(family, &error.message()))),
    }
}

pub(super) fn cargo(text: &str) -> Manifest {
    let (mut manifest, table) = match parsed("rust", text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    let name = at(&table, "package.name").and_then(Value::as_str);
    manifest.name = name.map(str::to_owned);
    cargo_dependencies(&mut manifest, &table);
    for target in tables(table.get("target")) {
        cargo_dependencies(&mut manifest, target);
    }
    if let Some(workspace) = table.get("workspace").and_then(Value::as_table) {
        if let Some(dependencies) = workspace.get("dependencies").and_then(Value::as_table) {
            named(&mut manifest, dependencies, DependencyKind::Other);
        }
        for member in texts(workspace.get("members")) {
            manifest.has_member(member);
        }
        let excluded = texts(workspace.get("exclude")).map(str::to_owned);
        manifest.excluded.extend(excluded);
    }
    manifest.document = Some(Document::Toml(table));
    manifest
}

fn cargo_dependencies(manifest: &mut Manifest, table: &Table) {
    for (key, kind) in [
        ("dependencies", DependencyKind::Runtime),
        ("dev-dependencies", DependencyKind::Other),
        ("build-dependencies", DependencyKind::Other),
    ] {
        if let Some(dependencies) = table.get(key).and_then(Value::as_table) {
            named(manifest, dependencies, kind);
        }
    }
}

pub(super) fn pipfile(text: &str) -> Manifest {
    let (mut manifest, table) = match parsed("python", text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    for (key, kind) in [
        ("packages", DependencyKind::Runtime),
        ("dev-packages", DependencyKind::Other),
    ] {
        if let Some(dependencies) = table.get(key).and_then(Value::as_table) {
            named(&mut manifest, dependencies, kind);
        }
    }
    manifest.document = Some(Document::Toml(table));
    manifest
}

pub(super) fn hatch(text: &str) -> Manifest {
    let (mut manifest, table) = match parsed("python", text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    super::pyproject::hatch_environments(&mut manifest, &table);
    manifest.document = Some(Document::Toml(table));
    manifest
}

/// `gradle/libs.versions.toml`.
pub(super) fn gradle_catalogue(text: &str) -> Manifest {
    let (mut manifest, table) = match parsed("jvm", text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    let versions = table
        .get("versions")
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    let version = |value: &Value| -> String {
        let of_reference = |name: &str| versions.get(name).and_then(Value::as_str);
        value
            .get("version")
            .and_then(|version| {
                version
                    .as_str()
                    .or_else(|| of_reference(version.get("ref")?.as_str()?))
            })
            .unwrap_or_default()
            .to_owned()
    };
    for library in tables_and_texts(table.get("libraries")) {
        match library {
            Value::String(text) => super::gradle::coordinates(&mut manifest, text),
            library => {
                let module = library
                    .get("module")
                    .and_then(Value::as_str)
                    .map(str::to_owned);
                let module = module.or_else(|| {
                    let group = library.get("group")?.as_str()?;
                    Some(format!("{group}:{}", library.get("name")?.as_str()?))
                });
                let requirement = version(library);
                manifest.depends(
                    &module.unwrap_or_default(),
                    &requirement,
                    DependencyKind::Other,
                );
            }
        }
    }
    for plugin in tables_and_texts(table.get("plugins")) {
        let (id, requirement) = match plugin {
            Value::String(text) => text.split_once(':').unwrap_or((text, "")),
            plugin => (
                plugin.get("id").and_then(Value::as_str).unwrap_or_default(),
                "",
            ),
        };
        manifest.depends(&format!("plugin:{id}"), requirement, DependencyKind::Other);
    }
    manifest
}

/// Dependencies as names with a version or a table.
fn named(manifest: &mut Manifest, dependencies: &Table, kind: DependencyKind) {
    for (name, value) in dependencies {
        // `json = { package = "serde_json" }` asks for serde_json.
        let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
        let version = value.as_str().or_else(|| value.get("version")?.as_str());
        manifest.depends(package, version.unwrap_or_default(), kind);
    }
}

/// The value of a dotted key.
pub(super) fn at<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_table()?.get(part))
}

/// The texts in a list.
pub(super) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The tables in a table.
pub(super) fn tables(value: Option<&Value>) -> impl Iterator<Item = &Table> {
    let table = value.and_then(Value::as_table);
    table
        .into_iter()
        .flat_map(|table| table.iter())
        .filter_map(|(_, value)| value.as_table())
}

fn tables_and_texts(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let table = value.and_then(Value::as_table);
    table
        .into_iter()
        .flat_map(|table| table.iter())
        .map(|(_, value)| value)
}

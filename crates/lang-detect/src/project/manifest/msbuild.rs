//! Projects and solutions of `MSBuild`.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::gradle::quoted;
use super::{DependencyKind, Manifest};

pub(super) fn project(text: &str) -> Manifest {
    let mut manifest = Manifest::of("dotnet");
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => take(&mut manifest, &element),
            Ok(Event::Eof) => return manifest,
            Ok(_) => {}
            Err(error) => return Manifest::broken("dotnet", &error),
        }
    }
}

fn take(manifest: &mut Manifest, element: &BytesStart<'_>) {
    let attribute = |name: &str| {
        element
            .attributes()
            .flatten()
            .find(|attribute| attribute.key.local_name().as_ref() == name)
            .map(|attribute| attribute.value.into_owned())
            .unwrap_or_default()
    };
    match element.local_name().as_ref() {
        "PackageReference" | "PackageVersion" | "GlobalPackageReference" => {
            let kind = DependencyKind::Runtime;
            manifest.depends(&attribute("Include"), &attribute("Version"), kind);
        }
        "Reference" => {
            let include = attribute("Include");
            let name = include.split(',').next().unwrap_or_default();
            manifest.depends(name, "", DependencyKind::Runtime);
        }
        "Project" => {
            let sdk = attribute("Sdk");
            if !sdk.is_empty() {
                manifest.depends(&format!("sdk:{sdk}"), "", DependencyKind::Runtime);
            }
        }
        _ => {}
    }
}

/// A solution, old or new: the paths of its projects.
pub(super) fn solution(text: &str) -> Manifest {
    let mut manifest = Manifest::of("dotnet");
    for line in text.lines() {
        for path in quoted(line) {
            if path.ends_with(".csproj") {
                let path = path.replace('\\', "/");
                let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
                manifest.has_member(folder);
            }
        }
    }
    manifest
}

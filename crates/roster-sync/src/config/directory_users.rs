//! `directory_users` of the main file: where people come from and which groups lead where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use roster_core::value::IdentityType;

use crate::config::files;
use crate::config::main_file::{AdditionalRule, AdobeGroup, identity_type, unknown_type};
use crate::config::section::Section;
use crate::config::yaml::{Place, Value};
use crate::pattern::Pattern;

/// What `directory_users` holds.
pub(super) struct DirectoryUsers {
    pub(super) default_type: IdentityType,
    pub(super) default_country: Option<String>,
    pub(super) connectors: Option<BTreeMap<String, Vec<PathBuf>>>,
    pub(super) mapping: Vec<(String, Vec<AdobeGroup>, Place)>,
    pub(super) additional: Vec<(AdditionalRule, Place)>,
    pub(super) create_groups: bool,
    pub(super) extension: Option<(Vec<PathBuf>, Place)>,
}

/// Reads the section.
pub(super) fn read(section: &Section<'_, '_>) -> DirectoryUsers {
    let problems = section.problems();
    let default_type = match section.text("user_identity_type") {
        None => IdentityType::Enterprise,
        Some(word) => identity_type(&word).unwrap_or_else(|| {
            let place = section
                .get("user_identity_type")
                .map_or(section.place(), |n| &n.place);
            unknown_type(problems, place, &section.name("user_identity_type"), &word);
            IdentityType::Enterprise
        }),
    };
    let users = DirectoryUsers {
        default_type,
        default_country: section
            .text("default_country_code")
            .filter(|code| !code.is_empty()),
        connectors: directory_files(section),
        mapping: mapping(section),
        additional: additional_groups(section),
        create_groups: section
            .section("group_sync_options")
            .and_then(|options| {
                let create = options.boolean("auto_create");
                options.finish();
                create
            })
            .unwrap_or(false),
        extension: extension(section),
    };
    section.finish();
    users
}

fn extension(section: &Section<'_, '_>) -> Option<(Vec<PathBuf>, Place)> {
    let node = section.get("extension")?;
    let paths = files::paths(node, &section.name("extension"), section.problems())?;
    Some((paths, node.place.clone()))
}

fn directory_files(section: &Section<'_, '_>) -> Option<BTreeMap<String, Vec<PathBuf>>> {
    const KINDS: [&str; 4] = ["ldap", "csv", "okta", "adobe_console"];
    let problems = section.problems();
    let connectors = section.section("connectors")?;
    let mut found = BTreeMap::new();
    for (key, value) in connectors.entries() {
        let Value::Text(kind) = &key.value else { continue };
        let name = connectors.name(kind);
        if !KINDS.contains(&kind.as_str()) {
            problems.warning(
                Some(&key.place),
                "unused-keys",
                format!(
                    "Found unused keys: `{name}` is no kind of connector; there are {}",
                    KINDS.join(", ")
                ),
            );
        } else if value.value != Value::Null
            && let Some(paths) = files::paths(value, &name, problems)
        {
            found.insert(kind.clone(), paths);
        }
    }
    Some(found)
}

fn mapping(section: &Section<'_, '_>) -> Vec<(String, Vec<AdobeGroup>, Place)> {
    let problems = section.problems();
    let mut found = Vec::new();
    for (position, node) in section.list("groups").unwrap_or_default().iter().enumerate() {
        let Some(entry) = Section::new(node, &format!("{}[{position}]", section.name("groups")), problems)
        else {
            continue;
        };
        let directory_group = entry.required_text("directory_group");
        let mut groups = Vec::new();
        for (text, place) in entry.texts("adobe_groups").unwrap_or_default() {
            match AdobeGroup::parse(&text) {
                Some(group) => groups.push(group),
                None => problems.error(
                    Some(place),
                    "bad-adobe-group",
                    format!(
                        "Bad adobe group: `{text}` in `{}` has no name",
                        entry.name("adobe_groups")
                    ),
                ),
            }
        }
        entry.finish();
        if let Some(directory_group) = directory_group {
            found.push((directory_group, groups, node.place.clone()));
        }
    }
    found
}

fn additional_groups(section: &Section<'_, '_>) -> Vec<(AdditionalRule, Place)> {
    let problems = section.problems();
    let mut found = Vec::new();
    for (position, node) in section
        .list("additional_groups")
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let path = format!("{}[{position}]", section.name("additional_groups"));
        let Some(entry) = Section::new(node, &path, problems) else {
            continue;
        };
        let complain = |text: String| {
            problems.error(
                Some(&node.place),
                "additional-group-rule",
                format!("Additional group rule error: {text}"),
            );
        };
        let (Some(source), Some(target)) = (entry.text("source"), entry.text("target")) else {
            complain(format!("`{path}` needs `source` and `target`"));
            continue;
        };
        let source = match Pattern::prefix(&source) {
            Ok(pattern) => pattern,
            Err(error) => {
                complain(format!("`{}`: `{source}`: {error}", entry.name("source")));
                continue;
            }
        };
        match AdobeGroup::parse(&target) {
            Some(AdobeGroup { organization, name }) => {
                found.push((
                    AdditionalRule {
                        source,
                        organization,
                        target: name,
                    },
                    node.place.clone(),
                ));
            }
            None => complain(format!("`{}` has no name", entry.name("target"))),
        }
    }
    found
}

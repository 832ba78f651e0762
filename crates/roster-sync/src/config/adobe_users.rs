//! `adobe_users` of the main file: the organizations, and whom to leave alone.

use std::path::PathBuf;

use roster_core::plan::settings::{Attributes, Limit};
use roster_core::value::IdentityType;

use crate::config::files;
use crate::config::main_file::{AdobeGroup, MainFile, Own, identity_type, unknown_type};
use crate::config::section::Section;
use crate::config::yaml::Value;
use crate::pattern::Pattern;

/// Reads the section; the other fields have their defaults.
pub(super) fn read(section: &Section<'_, '_>) -> MainFile {
    let problems = section.problems();
    let (primary, secondaries) = umapi_files(section);
    let mut exclude_types = Vec::new();
    for (word, place) in section.texts("exclude_identity_types").unwrap_or_default() {
        match identity_type(&word) {
            Some(kind) => exclude_types.push(kind),
            None => unknown_type(problems, place, &section.name("exclude_identity_types"), &word),
        }
    }
    let mut exclude_groups = Vec::new();
    for (name, place) in section.texts("exclude_adobe_groups").unwrap_or_default() {
        match AdobeGroup::parse(&name) {
            Some(AdobeGroup { organization: None, name }) => exclude_groups.push(name),
            _ => problems.error(
                Some(place),
                "bad-exclude-group",
                format!("Illegal value for exclude_groups: `{name}`; only groups of the primary organization can be excluded"),
            ),
        }
    }
    let mut exclude_users = Vec::new();
    for (pattern, place) in section.texts("exclude_users").unwrap_or_default() {
        match Pattern::whole(&pattern) {
            Ok(pattern) => exclude_users.push(pattern),
            Err(error) => problems.error(
                Some(place),
                "bad-exclude-users",
                format!(
                    "Illegal regular expression in `{}`: `{pattern}`: {error}",
                    section.name("exclude_users")
                ),
            ),
        }
    }
    let update = update_attributes(section);
    section.finish();
    MainFile {
        primary,
        secondaries,
        exclude_types,
        exclude_groups,
        exclude_users,
        update,
        default_type: IdentityType::Enterprise,
        default_country: None,
        connectors: None,
        mapping: Vec::new(),
        additional: Vec::new(),
        create_groups: false,
        extension: None,
        limit: Limit::Number(0),
        group_removals_only: false,
        own: Own::default(),
    }
}

fn update_attributes(section: &Section<'_, '_>) -> Attributes {
    let Some(words) = section.texts("update_attributes") else {
        return Attributes::default();
    };
    let mut update = Attributes {
        firstname: false,
        lastname: false,
        email: false,
        username: false,
    };
    for (word, place) in words {
        match word.trim().to_lowercase().as_str() {
            "firstname" => update.firstname = true,
            "lastname" => update.lastname = true,
            "email" => update.email = true,
            "username" => update.username = true,
            _ => section.problems().error(
                Some(place),
                "bad-update-attribute",
                format!(
                    "`{}`: `{word}` is not a valid attribute for user updates; there are firstname, lastname, email and username",
                    section.name("update_attributes")
                ),
            ),
        }
    }
    update
}

/// `connectors.umapi`: files of the primary first, then a mapping for each secondary.
fn umapi_files(section: &Section<'_, '_>) -> (Vec<PathBuf>, Vec<(String, Vec<PathBuf>)>) {
    let problems = section.problems();
    let (mut primary, mut secondaries) = (Vec::new(), Vec::new());
    let Some(connectors) = section.required_section("connectors") else {
        return (primary, secondaries);
    };
    let items = connectors.list("umapi").unwrap_or_default();
    if items.is_empty() {
        connectors.missing("umapi");
    }
    let name = connectors.name("umapi");
    for item in items {
        match &item.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    let Value::Text(organization) = &key.value else {
                        problems.error(
                            Some(&key.place),
                            "value-wrong-type",
                            format!("`{name}`: the name of a secondary organization should be text"),
                        );
                        continue;
                    };
                    if let Some(paths) = files::paths(value, &format!("{name}.{organization}"), problems) {
                        secondaries.push((organization.clone(), paths));
                    }
                }
            }
            _ if !secondaries.is_empty() => problems.error(
                Some(&item.place),
                "secondary-without-name",
                format!("`{name}`: Secondary umapi configuration found with no prefix; write `name: file`"),
            ),
            _ => primary.extend(files::paths(item, &name, problems).unwrap_or_default()),
        }
    }
    for (key, _) in connectors.entries() {
        if key.value != Value::Text("umapi".to_owned()) {
            problems.warning(
                Some(&key.place),
                "unused-keys",
                match &key.value {
                    Value::Text(kind) => format!(
                        "Found unused keys: `{}.{kind}` is no kind of connector; there is `umapi`",
                        section.name("connectors")
                    ),
                    _ => format!(
                        "Found unused keys: `{}` has a kind of connector that is no text; there is `umapi`",
                        section.name("connectors")
                    ),
                },
            );
        }
    }
    (primary, secondaries)
}

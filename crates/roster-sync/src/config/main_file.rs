//! The main configuration file, `user-sync-config.yml`: every setting as a plain value, or all its problems.

use std::collections::BTreeMap;
use std::path::PathBuf;

use roster_core::plan::settings::{Attributes, Limit};
use roster_core::value::IdentityType;

use crate::config::directory_users::DirectoryUsers;
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Place, Value};
use crate::config::{adobe_users, directory_users};
use crate::pattern::Pattern;

/// The settings of the main file.
#[derive(Debug)]
pub struct MainFile {
    /// Files of the primary organization.
    pub primary: Vec<PathBuf>,
    /// Names and files of the secondary organizations, in file order.
    pub secondaries: Vec<(String, Vec<PathBuf>)>,
    /// `exclude_identity_types`.
    pub exclude_types: Vec<IdentityType>,
    /// `exclude_adobe_groups`, as written.
    pub exclude_groups: Vec<String>,
    /// `exclude_users`.
    pub exclude_users: Vec<Pattern>,
    /// `update_attributes`.
    pub update: Attributes,
    /// `user_identity_type`.
    pub default_type: IdentityType,
    /// `default_country_code`.
    pub default_country: Option<String>,
    /// Files of the directory connectors; `None` when the whole mapping is missing.
    pub connectors: Option<BTreeMap<String, Vec<PathBuf>>>,
    /// The mapping, in file order.
    pub mapping: Vec<(String, Vec<AdobeGroup>)>,
    /// `additional_groups`.
    pub additional: Vec<AdditionalRule>,
    /// `group_sync_options.auto_create`.
    pub create_groups: bool,
    /// The files with the hook, and where they are named.
    pub extension: Option<(Vec<PathBuf>, Place)>,
    /// `max_adobe_only_users`.
    pub limit: Limit,
    /// `group_removals_only`.
    pub group_removals_only: bool,
    /// `roster`.
    pub own: Own,
}

/// `roster`: settings of Roster alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own {
    /// `compat: strict`.
    pub strict: bool,
    /// `min_directory_users`: with fewer people, or a smaller share of those of an earlier run, nothing is done.
    pub min_directory_users: Option<Limit>,
}

/// An Adobe group as the mapping names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdobeGroup {
    /// The secondary organization, `None` for the primary one.
    pub organization: Option<String>,
    /// The name as written.
    pub name: String,
}

/// A rule of `additional_groups`.
#[derive(Debug)]
pub struct AdditionalRule {
    /// What a group's name has to begin with.
    pub source: Pattern,
    /// The secondary organization of the target.
    pub organization: Option<String>,
    /// The target's name, with references to the source.
    pub target: String,
}

impl AdditionalRule {
    /// The Adobe group that it makes of a group's name, if it fits. One that cannot be tried fits nothing here: selecting people
    /// ends the run then.
    pub(crate) fn leads_to(&self, group: &str) -> Option<AdobeGroup> {
        let name = self.source.rewrite(group, &self.target).ok().flatten()?;
        Some(AdobeGroup {
            organization: self.organization.clone(),
            name,
        })
    }
}

/// `invocation_defaults`: options that the command line may leave out.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the options")]
pub struct Defaults {
    pub adobe_only_user_action: Option<Vec<String>>,
    pub adobe_only_user_list: Option<String>,
    pub adobe_users: Option<Vec<String>>,
    pub connector: Option<Vec<String>>,
    pub exclude_unmapped_users: Option<bool>,
    pub process_groups: Option<bool>,
    pub strategy: Option<String>,
    pub test_mode: Option<bool>,
    pub update_user_info: Option<bool>,
    pub user_filter: Option<String>,
    pub users: Option<Vec<String>>,
    pub ssl_cert_verify: Option<bool>,
}

impl AdobeGroup {
    /// Splits `organization::name`; `None` when the name is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let (organization, name) = text.rsplit_once("::").map_or(("", text), |parts| parts);
        if name.trim().is_empty() {
            return None;
        }
        let organization = (!organization.is_empty()).then(|| organization.to_owned());
        Some(Self {
            organization,
            name: name.to_owned(),
        })
    }

    /// The name as hooks see it: that of the organization before it, but for the primary one.
    pub fn qualified(&self) -> String {
        match &self.organization {
            Some(organization) => format!("{organization}::{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Reads an identity type: trimmed, in any letter case.
pub fn identity_type(text: &str) -> Option<IdentityType> {
    match text.trim().to_lowercase().as_str() {
        "adobeid" => Some(IdentityType::AdobeId),
        "enterpriseid" => Some(IdentityType::Enterprise),
        "federatedid" => Some(IdentityType::Federated),
        _ => None,
    }
}

/// Reads everything else. `None` when there were errors.
pub fn read(node: &Node, problems: &Problems) -> Option<MainFile> {
    let root = Section::new(node, "", problems)?;
    for key in ["dashboard", "directory"] {
        if matches!(node.get(key).map(|n| &n.value), Some(Value::Map(_))) {
            problems.error(
                node.get(key).map(|n| &n.place),
                "config-v1",
                format!(
                    "`{key}`: the configuration is still in v1 format; write it anew from the current example"
                ),
            );
            return None;
        }
    }
    if root.has("post_sync") {
        problems.error(
            node.get("post_sync").map(|n| &n.place),
            "config-post-sync",
            "'post_sync' is no longer supported; Sign has a command of its own",
        );
        return None;
    }
    root.get("logging");
    let section = |key: &'static str| {
        let found = root.get(key).and_then(|n| Section::new(n, key, problems));
        if root.get(key).is_none() {
            problems.add(
                Some(root.place()),
                vec!["section-missing", "value-missing"],
                format!("'{key}' must be specified"),
                false,
            );
        }
        found
    };
    let adobe = section("adobe_users").map(|s| adobe_users::read(&s));
    let directory = section("directory_users").map(|s| directory_users::read(&s));
    let limits = root.required_section("limits").map(|s| limits(&s));
    // Read for itself, so that options are looked at although the rest is not good.
    root.get("invocation_defaults");
    let own = root.section("roster").map(|s| roster(&s)).unwrap_or_default();
    root.finish();
    let (mut file, directory, (limit, group_removals_only)) = (adobe?, directory?, limits?);
    check_organizations(&file, &directory, problems);
    file.default_type = directory.default_type;
    file.default_country = directory.default_country;
    file.connectors = directory.connectors;
    file.mapping = directory
        .mapping
        .into_iter()
        .map(|(name, groups, _)| (name, groups))
        .collect();
    file.additional = directory.additional.into_iter().map(|(rule, _)| rule).collect();
    file.create_groups = directory.create_groups;
    file.extension = directory.extension;
    (file.limit, file.group_removals_only) = (limit?, group_removals_only);
    file.own = own;
    (!problems.any()).then_some(file)
}

/// The options that a main file sets, whatever else is wrong with it.
pub(crate) fn defaults(node: &Node, problems: &Problems) -> Defaults {
    let Value::Map(_) = &node.value else {
        return Defaults::default();
    };
    Section::new(node, "", problems)
        .and_then(|root| Some(invocation_defaults(&root.section("invocation_defaults")?)))
        .unwrap_or_default()
}

/// Notes a word that is no identity type.
pub(crate) fn unknown_type(problems: &Problems, place: &Place, name: &str, word: &str) {
    problems.error(
        Some(place),
        "unknown-identity-type",
        format!(
            "`{name}`: Unrecognized identity type: `{word}`; there are adobeID, enterpriseID and federatedID"
        ),
    );
}

fn check_organizations(file: &MainFile, directory: &DirectoryUsers, problems: &Problems) {
    let mut unknown: BTreeMap<&str, &Place> = BTreeMap::new();
    let known = |name: &str| file.secondaries.iter().any(|(secondary, _)| secondary == name);
    let mapped = directory.mapping.iter().flat_map(|(_, groups, place)| {
        groups
            .iter()
            .map(move |group| (group.organization.as_deref(), place))
    });
    let added = directory
        .additional
        .iter()
        .map(|(rule, place)| (rule.organization.as_deref(), place));
    for (organization, place) in mapped.chain(added) {
        if let Some(name) = organization
            && !known(name)
        {
            unknown.entry(name).or_insert(place);
        }
    }
    if let Some(place) = unknown.values().next() {
        let names: Vec<&str> = unknown.keys().copied().collect();
        problems.error(
            Some(place),
            "unknown-secondary",
            format!(
                "Adobe groups reference unknown umapi connectors: {}",
                names.join(", ")
            ),
        );
    }
}

fn limits(section: &Section<'_, '_>) -> (Option<Limit>, bool) {
    if section.get("max_adobe_only_users").is_none() {
        section.missing("max_adobe_only_users");
    }
    let limit = limit(section, "max_adobe_only_users");
    if let Some(Limit::Number(number @ ..0)) = limit {
        section.problems().warning(
            section.get("max_adobe_only_users").map(|node| &node.place),
            "limit-negative",
            format!(
                "`{}` is {number}: nobody at all is more than that, so nothing is ever done to Adobe-only users",
                section.name("max_adobe_only_users")
            ),
        );
    }
    let only = section.boolean("group_removals_only").unwrap_or(false);
    section.finish();
    (limit, only)
}

/// A number or a share.
fn limit(section: &Section<'_, '_>, key: &'static str) -> Option<Limit> {
    let node = section.get(key)?;
    match &node.value {
        Value::Int(number) => Some(Limit::Number(*number)),
        Value::Text(text) => parse_limit(text, &section.name(key), key, &node.place, section.problems()),
        _ => section.wrong_type(key, node, "a whole number or a percentage such as `5%`"),
    }
}

fn parse_limit(text: &str, name: &str, key: &str, place: &Place, problems: &Problems) -> Option<Limit> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        match percent.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => return Some(Limit::Percent(percent)),
            Ok(_) => {
                problems.error(
                    Some(place),
                    "bad-limit",
                    format!("`{name}`: {key} value must be between 0% and 100%, not `{text}`"),
                );
                return None;
            }
            Err(_) => {}
        }
    } else if let Ok(number) = text.parse() {
        return Some(Limit::Number(number));
    }
    problems.error(
        Some(place),
        "bad-limit",
        format!("`{name}`: Unable to parse {key}: `{text}` is neither a number nor a percentage"),
    );
    None
}

fn invocation_defaults(section: &Section<'_, '_>) -> Defaults {
    let words = |key: &str| {
        let texts: Vec<String> = section.texts(key)?.into_iter().map(|(text, _)| text).collect();
        (!texts.is_empty() && texts.iter().all(|text| !text.is_empty())).then_some(texts)
    };
    let text = |key: &str| section.text(key).filter(|text| !text.is_empty());
    let defaults = Defaults {
        adobe_only_user_action: words("adobe_only_user_action"),
        adobe_only_user_list: text("adobe_only_user_list"),
        adobe_users: words("adobe_users"),
        connector: words("connector"),
        exclude_unmapped_users: section.boolean("exclude_unmapped_users"),
        process_groups: section.boolean("process_groups"),
        strategy: text("strategy"),
        test_mode: section.boolean("test_mode"),
        update_user_info: section.boolean("update_user_info"),
        user_filter: text("user_filter"),
        users: words("users"),
        ssl_cert_verify: section.boolean("ssl_cert_verify"),
    };
    // Accepted without effect: where they would act, the file has been found and read already.
    section.get("config_filename");
    section.get("config_file_encoding");
    section.finish();
    defaults
}

/// Reads a file of Roster's own settings, beside the main file. What the section `roster` there says as well is told.
pub(crate) fn read_roster(node: &Node, main: &Node, problems: &Problems) -> Own {
    let section = Section::new(node, "roster", problems);
    for (key, which) in [
        ("compat", "`strict` counts in either"),
        ("min_directory_users", "what stands here counts"),
    ] {
        if let (Some(here), Some(there)) = (node.get(key), main.get("roster").and_then(|own| own.get(key))) {
            let Place { file, line } = &there.place;
            problems.warning(
                Some(&here.place),
                "setting-twice",
                format!("`{key}` stands in the main file, too, at {file}:{line}; {which}"),
            );
        }
    }
    section.map(|section| roster(&section)).unwrap_or_default()
}

/// Reads how closely user-sync is followed.
pub(crate) fn is_strict(word: &str, name: &str, place: Option<&Place>, problems: &Problems) -> bool {
    if word != "strict" && word != "default" {
        problems.error(
            place,
            "roster-setting",
            format!("`{name}` is `default` or `strict`, not `{word}`"),
        );
    }
    word == "strict"
}

fn roster(section: &Section<'_, '_>) -> Own {
    let place = section.get("compat").map(|node| &node.place);
    let word = section.text("compat");
    let strict =
        word.is_some_and(|word| is_strict(&word, &section.name("compat"), place, section.problems()));
    let min_directory_users = limit(section, "min_directory_users");
    if let Some(Limit::Number(number @ ..0)) = min_directory_users {
        section.problems().error(
            section.get("min_directory_users").map(|node| &node.place),
            "bad-limit",
            format!(
                "`{}` is a number from 0 on or a percentage, not {number}",
                section.name("min_directory_users")
            ),
        );
    }
    section.finish();
    Own {
        strict,
        min_directory_users,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    fn limit(text: &str) -> Option<Limit> {
        let node = parse(&format!("max_adobe_only_users: {text}\n"), "f").unwrap();
        let problems = Problems::default();
        let section = Section::new(&node, "limits", &problems).unwrap();
        limits(&section).0
    }

    #[test]
    fn limits_are_numbers_or_percentages() {
        assert_eq!(limit("200"), Some(Limit::Number(200)));
        assert_eq!(limit("\"200\""), Some(Limit::Number(200)));
        assert_eq!(limit("-1"), Some(Limit::Number(-1)));
        assert_eq!(limit("10%"), Some(Limit::Percent(10.0)));
        assert_eq!(limit("2.5%"), Some(Limit::Percent(2.5)));
        for bad in ["150%", "abc", "\"%\"", "nan%", "-3%", "2.5", "yes"] {
            assert_eq!(limit(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_below_zero_are_told() {
        let node = parse(
            "limits: {max_adobe_only_users: -5}\nroster:\n  min_directory_users: -1\n",
            "f",
        )
        .unwrap();
        let problems = Problems::default();
        let limit = limits(&Section::new(node.get("limits").unwrap(), "limits", &problems).unwrap()).0;
        assert_eq!(limit, Some(Limit::Number(-5)), "as with user-sync");
        read_roster(
            node.get("roster").unwrap(),
            &parse("roster: {}", "main").unwrap(),
            &problems,
        );
        let said = problems.into_list();
        assert!(
            said[0].warning
                && said[0]
                    .to_string()
                    .starts_with("f:1: `limits.max_adobe_only_users` is -5"),
            "{said:?}"
        );
        assert!(
            !said[1].warning && said[1].to_string().starts_with("f:3: "),
            "{said:?}"
        );
    }

    #[test]
    fn unknown_organizations_are_named_together() {
        let text = "adobe_users: {connectors: {umapi: []}}\ndirectory_users:\n  groups:\n    - {directory_group: a, \
                    adobe_groups: ['x::G', 'y::G', G]}\n  additional_groups: [{source: a, target: 'z::b'}]\nlimits: \
                    {max_adobe_only_users: 1}\n";
        let node = parse(text, "f").unwrap();
        let problems = Problems::default();
        assert!(read(&node, &problems).is_none());
        let list = problems.into_list();
        let said = list
            .iter()
            .find(|problem| problem.keys.contains(&"unknown-secondary"))
            .unwrap();
        assert!(said.text.ends_with(": x, y, z"), "{said}");
    }

    #[test]
    fn the_example_is_right_with_everything_in_it_switched_on() {
        let text = include_str!("../../../roster/src/command/sync/examples/user-sync-config.yml");
        let folder = tempfile::tempdir().unwrap();
        for file in ["umapi", "partner", "ldap", "csv", "okta", "adobe-console"] {
            std::fs::write(folder.path().join(format!("connector-{file}.yml")), "").unwrap();
        }
        std::fs::write(folder.path().join("extension.yml"), "").unwrap();
        let text = text
            .replace("{umapi}", "connector-umapi.yml")
            .replace("{ldap}", "connector-ldap.yml");
        let text = crate::config::section::switched_on(&text, &[]);
        let file = folder.path().join("user-sync-config.yml");
        let node = crate::config::yaml::parse(&text, &file.display().to_string()).unwrap();
        let problems = Problems::default();
        let read = read(&node, &problems);
        defaults(&node, &problems);
        crate::config::logging::read(&node, &problems);
        let said = problems.into_list();
        assert!(read.is_some() && said.is_empty(), "{said:?}\n{text}");
    }
}

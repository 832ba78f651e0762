//! The main configuration file, `user-sync-config.yml`: every setting as a plain value, or all its problems.

use std::collections::BTreeMap;
use std::path::PathBuf;

use roster_core::plan::settings::{Attributes, Limit};
use roster_core::value::IdentityType;

use crate::config::files;
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Place, Value};
use crate::log::Level;
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
    /// Whether a hook is configured, and where.
    pub extension: Option<Place>,
    /// `max_adobe_only_users`.
    pub limit: Limit,
    /// `group_removals_only`.
    pub group_removals_only: bool,
    /// `invocation_defaults`.
    pub defaults: Defaults,
    /// `roster.compat: strict`.
    pub strict: bool,
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

/// `logging`.
#[derive(Debug, Clone)]
pub struct Logging {
    /// Whether a file is written.
    pub to_file: bool,
    /// The folder of the files.
    pub folder: PathBuf,
    /// The file's name with a date format in it.
    pub name_format: String,
    /// What the file shows.
    pub file_level: Level,
    /// What the console shows.
    pub console_level: Level,
    /// Whether lines about progress are written.
    pub progress: bool,
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

/// Reads `logging`, which is wanted before everything else. What is wrong with it is found again by [`read`].
pub fn logging(node: &Node, problems: &Problems) -> Logging {
    let empty = Node {
        value: Value::Map(Vec::new()),
        place: node.place.clone(),
    };
    let section = node
        .get("logging")
        .filter(|n| n.value != Value::Null)
        .unwrap_or(&empty);
    let nothing = || Section::new(&empty, "logging", problems);
    let Some(section) = Section::new(section, "logging", problems).or_else(nothing) else {
        return default_logging(&node.place);
    };
    let defaults = default_logging(&node.place);
    let level = |key: &str, what: &str| match section.text(key) {
        None => Level::Info,
        Some(word) => Level::parse(&word).unwrap_or_else(|| {
            problems.warning(
                section.get(key).map(|n| &n.place),
                "unknown-log-level",
                format!("Unknown {what} log level: `{word}`; using `info`"),
            );
            Level::Info
        }),
    };
    let folder = section.text("file_log_directory");
    let folder = folder
        .and_then(|text| {
            files::resolve(
                &text,
                section.place(),
                false,
                "logging.file_log_directory",
                problems,
            )
        })
        .unwrap_or(defaults.folder);
    let logging = Logging {
        to_file: section.boolean("log_to_file").unwrap_or(false),
        folder,
        name_format: section
            .text("file_log_name_format")
            .unwrap_or(defaults.name_format),
        file_level: level("file_log_level", "file"),
        console_level: level("console_log_level", "console"),
        progress: section.boolean("log_progress").unwrap_or(true),
    };
    section.finish();
    logging
}

fn default_logging(place: &Place) -> Logging {
    let main = std::path::Path::new(place.file.as_ref());
    Logging {
        to_file: false,
        folder: main.parent().unwrap_or(std::path::Path::new("")).join("logs"),
        name_format: "{:%Y-%m-%d}.log".to_owned(),
        file_level: Level::Info,
        console_level: Level::Info,
        progress: true,
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
    let adobe = section("adobe_users").map(|s| adobe_users(&s));
    let directory = section("directory_users").map(|s| directory_users(&s));
    let limits = root.required_section("limits").map(|s| limits(&s));
    let defaults = root
        .section("invocation_defaults")
        .map(|s| invocation_defaults(&s))
        .unwrap_or_default();
    let strict = root.section("roster").is_some_and(|s| roster(&s));
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
    file.defaults = defaults;
    file.strict = strict;
    (!problems.any()).then_some(file)
}

/// What `directory_users` holds.
struct DirectoryUsers {
    default_type: IdentityType,
    default_country: Option<String>,
    connectors: Option<BTreeMap<String, Vec<PathBuf>>>,
    mapping: Vec<(String, Vec<AdobeGroup>, Place)>,
    additional: Vec<(AdditionalRule, Place)>,
    create_groups: bool,
    extension: Option<Place>,
}

fn adobe_users(section: &Section<'_, '_>) -> MainFile {
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
        defaults: Defaults::default(),
        strict: false,
    }
}

fn unknown_type(problems: &Problems, place: &Place, name: &str, word: &str) {
    problems.error(
        Some(place),
        "unknown-identity-type",
        format!(
            "`{name}`: Unrecognized identity type: `{word}`; there are adobeID, enterpriseID and federatedID"
        ),
    );
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
                format!(
                    "Found unused keys: `{}` has no connector of this kind",
                    section.name("connectors")
                ),
            );
        }
    }
    (primary, secondaries)
}

fn directory_users(section: &Section<'_, '_>) -> DirectoryUsers {
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

fn extension(section: &Section<'_, '_>) -> Option<Place> {
    let node = section.get("extension")?;
    files::paths(node, &section.name("extension"), section.problems())?;
    Some(node.place.clone())
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
    let limit = match section.get("max_adobe_only_users") {
        None => {
            section.missing("max_adobe_only_users");
            None
        }
        Some(node) => match &node.value {
            Value::Int(number) => Some(Limit::Number(*number)),
            Value::Text(text) => parse_limit(
                text,
                &section.name("max_adobe_only_users"),
                &node.place,
                section.problems(),
            ),
            _ => section.wrong_type(
                "max_adobe_only_users",
                node,
                "a whole number or a percentage such as `5%`",
            ),
        },
    };
    let only = section.boolean("group_removals_only").unwrap_or(false);
    section.finish();
    (limit, only)
}

fn parse_limit(text: &str, name: &str, place: &Place, problems: &Problems) -> Option<Limit> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        match percent.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => return Some(Limit::Percent(percent)),
            Ok(_) => {
                problems.error(
                    Some(place),
                    "bad-limit",
                    format!("`{name}`: max_adobe_only_users value must be between 0% and 100%, not `{text}`"),
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
        format!(
            "`{name}`: Unable to parse max_adobe_only_users: `{text}` is neither a number nor a percentage"
        ),
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

/// `roster`: settings of Roster alone.
fn roster(section: &Section<'_, '_>) -> bool {
    let strict = match section.text("compat").as_deref() {
        Some("strict") => true,
        None | Some("default") => false,
        Some(other) => {
            let place = section.get("compat").map(|n| &n.place);
            section.problems().error(
                place,
                "roster-setting",
                format!(
                    "`{}` is `default` or `strict`, not `{other}`",
                    section.name("compat")
                ),
            );
            false
        }
    };
    section.finish();
    strict
}

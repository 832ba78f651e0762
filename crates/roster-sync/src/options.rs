//! The options of a run: command line over `invocation_defaults` over built-in defaults, and what of them contradicts itself.

use std::collections::BTreeSet;
use std::path::PathBuf;

use roster_core::plan::settings::{AdobeOnly, Strategy};

use crate::arguments::Arguments;
use crate::config::main_file::{AdobeGroup, Defaults};
use crate::config::section::Problems;
use crate::pattern::Pattern;

/// The options of a run, as plain values.
#[derive(Debug)]
pub(crate) struct RunOptions {
    /// Where the people come from.
    pub connector: Connector,
    /// Which of them.
    pub users: Users,
    /// What their usernames have to fit.
    pub user_filter: Option<Pattern>,
    /// Which accounts of the organization are looked at.
    pub adobe_users: AdobeUsers,
    /// What happens to accounts nobody stands for.
    pub adobe_only: AdobeOnly,
    /// Where they are listed.
    pub adobe_only_file: Option<PathBuf>,
    /// A list of such accounts that is read in place of both sides.
    pub adobe_only_list: Option<PathBuf>,
    /// `--exclude-unmapped-users`.
    pub exclude_unmapped_users: bool,
    /// `--process-groups`.
    pub process_groups: bool,
    /// `--strategy`.
    pub strategy: Strategy,
    /// `--test-mode`.
    pub test_mode: bool,
    /// `--update-user-info`.
    pub update_user_info: bool,
    /// `ssl_cert_verify`.
    pub ssl_cert_verify: bool,
    /// What people should know about how the options were read.
    pub remarks: Vec<String>,
}

/// Where people come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connector {
    /// An LDAP directory.
    Ldap,
    /// Okta.
    Okta,
    /// Another organization.
    AdobeConsole,
    /// A file.
    Csv(PathBuf),
}

impl RunOptions {
    /// Whether accounts that nobody selected stands for have something to lose in this run, or in one that works through the
    /// list which this one writes.
    pub(crate) fn takes_from_the_left_over(&self) -> bool {
        let acts = self.adobe_only.acts(self.process_groups);
        self.strategy == Strategy::Sync && (acts || self.adobe_only == AdobeOnly::WriteFile)
    }

    /// Who is selected, in words that are the same in every run with the same options.
    pub(crate) fn selection(&self) -> String {
        let filter = self.user_filter.as_ref();
        let filter = filter.map_or_else(String::new, |filter| format!(" like `{}`", filter.as_str()));
        format!("{}{filter}", self.asked_for())
    }

    /// The same without the filter: who is read.
    pub(crate) fn asked_for(&self) -> String {
        match &self.users {
            Users::All => "all".to_owned(),
            Users::Mapped => "mapped".to_owned(),
            Users::Groups(names) => {
                let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
                let names: Vec<&str> = names.into_iter().collect();
                format!("group {}", names.join(","))
            }
        }
    }
}

impl Connector {
    /// The word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ldap => "ldap",
            Self::Okta => "okta",
            Self::AdobeConsole => "adobe_console",
            Self::Csv(_) => "csv",
        }
    }
}

/// Which people of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Users {
    /// Everybody.
    All,
    /// Members of groups in the mapping.
    Mapped,
    /// Members of these groups.
    Groups(Vec<String>),
}

/// Which accounts of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AdobeUsers {
    /// All.
    All,
    /// Members of mapped groups.
    Mapped,
    /// Members of these groups.
    Groups(Vec<AdobeGroup>),
}

/// Settles the options of a run; problems are noted, and `None` returned, when they cannot be used.
pub(crate) fn resolve(typed: &Arguments, defaults: &Defaults, problems: &Problems) -> Option<RunOptions> {
    let mut remarks = Vec::new();
    let words = |typed: &Option<Vec<String>>, default: &Option<Vec<String>>, built_in: &str| {
        typed
            .clone()
            .or_else(|| default.clone())
            .unwrap_or_else(|| vec![built_in.to_owned()])
    };
    let flag = |typed: Option<bool>, default: Option<bool>| typed.or(default).unwrap_or(false);
    let strategy_word = typed
        .strategy
        .clone()
        .or_else(|| defaults.strategy.clone())
        .unwrap_or_else(|| "sync".to_owned());
    let strategy = match strategy_word.as_str() {
        "push" => Strategy::Push,
        "sync" => Strategy::Sync,
        other => {
            problems.warning(
                None,
                "unknown-strategy",
                format!("Unknown strategy `{other}`; it acts as `sync`"),
            );
            Strategy::Sync
        }
    };
    let connector = connector(&words(&typed.connector, &defaults.connector, "ldap"), problems);
    let (adobe_only, adobe_only_file) = if strategy == Strategy::Push {
        if typed.adobe_only_user_action.is_some() || defaults.adobe_only_user_action.is_some() {
            remarks.push("Strategy push: adobe-only-user-action is ignored".to_owned());
        }
        (AdobeOnly::Preserve, None)
    } else {
        let action = words(
            &typed.adobe_only_user_action,
            &defaults.adobe_only_user_action,
            "preserve",
        );
        adobe_only(&action, problems)
    };
    let list = typed
        .adobe_only_user_list
        .clone()
        .or_else(|| defaults.adobe_only_user_list.clone());
    if list.is_some() && strategy == Strategy::Push {
        problems.error(
            None,
            "list-with-push",
            "You cannot specify --adobe-only-user-list when strategy is push",
        );
    }
    if list.is_some() && adobe_only == AdobeOnly::WriteFile {
        problems.error(
            None,
            "list-with-write-file",
            "You cannot specify both an adobe-only-user-list and adobe-only-user-action write-file: one reads the list, the other writes it",
        );
    }
    let mut connector = connector;
    let mut users = Users::All;
    let mut user_filter = None;
    if list.is_some() {
        remarks.push(
            "A list of Adobe-only users is given: the directory, users and user-filter are ignored"
                .to_owned(),
        );
    } else {
        let asked = words(&typed.users, &defaults.users, "all");
        users = self::users(&asked, &mut connector, problems);
        let filter = typed.user_filter.clone().or_else(|| defaults.user_filter.clone());
        user_filter = filter.and_then(|text| match Pattern::whole(&text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                problems.error(
                    None,
                    "bad-user-filter",
                    format!("Bad regular expression in user filter: `{text}`: {error}"),
                );
                None
            }
        });
    }
    let adobe_users = adobe_users(&words(&typed.adobe_users, &defaults.adobe_users, "all"), problems);
    Some(RunOptions {
        connector: connector?,
        users,
        user_filter,
        adobe_users: adobe_users?,
        adobe_only,
        adobe_only_file,
        adobe_only_list: list.map(PathBuf::from),
        exclude_unmapped_users: flag(typed.exclude_unmapped_users, defaults.exclude_unmapped_users),
        process_groups: flag(typed.process_groups, defaults.process_groups),
        strategy,
        test_mode: flag(typed.test_mode, defaults.test_mode),
        update_user_info: flag(typed.update_user_info, defaults.update_user_info),
        ssl_cert_verify: defaults.ssl_cert_verify.unwrap_or(true),
        remarks,
    })
    .filter(|_| !problems.any())
}

fn connector(words: &[String], problems: &Problems) -> Option<Connector> {
    let kind = words
        .first()
        .map(|word| word.trim().to_lowercase())
        .unwrap_or_default();
    let plain = match kind.as_str() {
        "ldap" => Connector::Ldap,
        "okta" => Connector::Okta,
        "adobe_console" => Connector::AdobeConsole,
        "csv" => {
            if let [_, file] = words {
                return Some(Connector::Csv(PathBuf::from(file)));
            }
            problems.error(
                None,
                "connector-csv-needs-file",
                "You must specify a single file with connector type csv, as in `--connector csv users.csv`",
            );
            return None;
        }
        _ => {
            problems.error(
                None,
                "unknown-connector",
                format!("Unknown connector type: `{kind}`; there are ldap, csv, okta and adobe_console"),
            );
            return None;
        }
    };
    if words.len() > 1 {
        problems.error(
            None,
            "connector-takes-no-file",
            format!("Must not specify a file with connector type `{kind}`; its settings are in the configuration file"),
        );
    }
    Some(plain)
}

fn adobe_only(words: &[String], problems: &Problems) -> (AdobeOnly, Option<PathBuf>) {
    let action = words
        .first()
        .map(|word| word.trim().to_lowercase())
        .unwrap_or_default();
    let found = match action.as_str() {
        "preserve" => AdobeOnly::Preserve,
        "exclude" => AdobeOnly::Exclude,
        "remove-adobe-groups" => AdobeOnly::RemoveAdobeGroups,
        "remove" => AdobeOnly::Remove,
        "delete" => AdobeOnly::Delete,
        "write-file" => {
            if let [_, file] = words {
                return (AdobeOnly::WriteFile, Some(PathBuf::from(file)));
            }
            problems.error(
                None,
                "write-file-needs-file",
                "You must specify a single file for adobe-only-user-action write-file",
            );
            AdobeOnly::WriteFile
        }
        _ => {
            problems.error(
                None,
                "unknown-adobe-only-action",
                format!("Unknown option \"{action}\" for adobe-only-user-action; there are preserve, exclude, write-file, remove-adobe-groups, remove and delete"),
            );
            AdobeOnly::Preserve
        }
    };
    (found, None)
}

fn users(words: &[String], connector: &mut Option<Connector>, problems: &Problems) -> Users {
    let word = words
        .first()
        .map(|word| word.trim().to_lowercase())
        .unwrap_or_default();
    match (word.as_str(), words) {
        ("all", _) => {
            if *connector == Some(Connector::Okta) {
                problems.error(
                    None,
                    "okta-users-all",
                    "Okta connector module does not support `--users all`; use `mapped` or `group`",
                );
            }
            Users::All
        }
        ("mapped", _) => Users::Mapped,
        ("group", [_, names]) => Users::Groups(names.split(',').map(str::to_owned).collect()),
        ("group", _) => {
            problems.error(
                None,
                "users-group-needs-groups",
                "You must specify the groups to read when using the users `group` option: one list, separated by commas without blanks",
            );
            Users::All
        }
        ("file", [_, file]) => {
            if matches!(connector, Some(Connector::Csv(_))) {
                problems.error(
                    None,
                    "users-file-with-csv-connector",
                    "You cannot specify file input with both `--users file` and `--connector csv`",
                );
            }
            *connector = Some(Connector::Csv(PathBuf::from(file)));
            Users::All
        }
        ("file", _) => {
            problems.error(
                None,
                "users-file-needs-file",
                "You must specify the file to read when using the users `file` option",
            );
            Users::All
        }
        _ => {
            problems.error(
                None,
                "unknown-users-value",
                format!("Unknown option \"{word}\" for users; there are all, mapped, group and file"),
            );
            Users::All
        }
    }
}

fn adobe_users(words: &[String], problems: &Problems) -> Option<AdobeUsers> {
    let word = words
        .first()
        .map(|word| word.trim().to_lowercase())
        .unwrap_or_default();
    match (word.as_str(), words) {
        ("all", _) => Some(AdobeUsers::All),
        ("mapped", _) => Some(AdobeUsers::Mapped),
        ("group", [_, names]) => {
            let groups: Option<Vec<AdobeGroup>> = names.split(',').map(AdobeGroup::parse).collect();
            if groups.is_none() {
                problems.error(
                    None,
                    "bad-adobe-group",
                    format!("Bad adobe group in `--adobe-users group {names}`: a name is empty"),
                );
            }
            groups.map(AdobeUsers::Groups)
        }
        ("group", _) => {
            problems.error(
                None,
                "adobe-users-group-needs-groups",
                "You must specify the groups to read when using the adobe-users `group` option: one list, separated by commas without blanks",
            );
            None
        }
        _ => {
            problems.error(
                None,
                "unknown-adobe-users-value",
                format!("Unknown option \"{word}\" for adobe-users; there are all, mapped and group"),
            );
            None
        }
    }
}

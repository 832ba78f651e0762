//! The command line of `sync`: which options there are and how their values are found.

use std::iter::Peekable;
use std::path::PathBuf;

/// What was typed. `None` leaves a setting to the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the options")]
pub struct Arguments {
    pub config_filename: Option<String>,
    pub config_file_encoding: Option<String>,
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
    pub compat: Option<String>,
    pub accept_empty: bool,
    pub accept_fewer: bool,
    pub summary: Option<String>,
    /// Of `check`: for how many people the hook is tried.
    pub hook: Option<usize>,
}

impl Arguments {
    /// The main configuration file.
    pub(crate) fn main_file(&self) -> PathBuf {
        PathBuf::from(self.config_filename.as_deref().unwrap_or("user-sync-config.yml"))
    }

    /// The encoding of configuration files.
    pub(crate) fn encoding(&self) -> &str {
        self.config_file_encoding.as_deref().unwrap_or("utf8")
    }
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A run.
    Run(Box<Arguments>),
    /// The help text.
    Help,
    /// The version.
    Version,
}

/// A command line that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// No option has this name.
    #[error("No such option: `{0}` [unknown-command-line-option]")]
    Unknown(String),
    /// A value is missing.
    #[error("Option `{0}` needs a value (one that looks like an option goes behind `=`)")]
    NoValue(String),
    /// A value was given where there is none.
    #[error("Option `{0}` takes no value")]
    NoValueWanted(String),
    /// A value is no number.
    #[error("Option `{0}` takes a number from 1 on, not `{1}`")]
    NoNumber(String, String),
    /// Something that belongs to no option.
    #[error("Unexpected argument: `{0}`")]
    Stray(String),
}

/// How many people a hook is tried for when nobody says.
const SAMPLE: usize = 10;

/// Reads a command line. `--users`, `--connector`, `--adobe-users` and `--adobe-only-user-action` take every word up to
/// the next one that begins with `-`.
pub fn parse(args: &[String]) -> Result<Asked, UsageError> {
    let mut found = Arguments::default();
    let mut rest = args.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        if let Some(asked) = take(word, &mut rest, &mut found)? {
            return Ok(asked);
        }
    }
    Ok(Asked::Run(Box::new(found)))
}

/// What can be understood of a command line that is refused.
pub(crate) fn parse_loosely(args: &[String]) -> Arguments {
    let mut found = Arguments::default();
    let mut rest = args.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        let _ = take(word, &mut rest, &mut found);
    }
    found
}

/// Whether a word is the name of an option and no value; behind `=` anything is a value.
fn is_option(word: &str) -> bool {
    let long = word.strip_prefix("--");
    long.is_some_and(|name| !name.is_empty()) || ["-c", "-h", "-v", "-t", "-T"].contains(&word)
}

/// Takes in a word of a command line, with those of the `rest` that belong to it.
fn take<'a>(
    word: &str,
    rest: &mut Peekable<impl Iterator<Item = &'a str>>,
    found: &mut Arguments,
) -> Result<Option<Asked>, UsageError> {
    if !word.starts_with('-') || word == "-" {
        return Err(UsageError::Stray(word.to_owned()));
    }
    let (name, value) = match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
        _ => (word, None),
    };
    let flag = |yes: bool| match &value {
        None => Ok(Some(yes)),
        Some(_) => Err(UsageError::NoValueWanted(name.to_owned())),
    };
    let is_short = !name.starts_with("--");
    if is_short && name.len() > 2 && name.starts_with("-c") {
        found.config_filename = name.get(2..).map(str::to_owned);
        return Ok(None);
    }
    let mut one = || {
        let given = value
            .clone()
            .or_else(|| rest.next_if(|next| !is_option(next)).map(str::to_owned));
        given
            .map(Some)
            .ok_or_else(|| UsageError::NoValue(name.to_owned()))
    };
    match name {
        "--hook" => {
            let is_number = |next: &&str| next.starts_with(|c: char| c.is_ascii_digit());
            let given = value.or_else(|| rest.next_if(is_number).map(str::to_owned));
            found.hook = Some(match given {
                None => SAMPLE,
                Some(given) => given
                    .parse()
                    .ok()
                    .filter(|number| *number > 0)
                    .ok_or_else(|| UsageError::NoNumber(name.to_owned(), given.clone()))?,
            });
        }
        "-h" | "--help" => return Ok(Some(Asked::Help)),
        "-v" | "--version" => return Ok(Some(Asked::Version)),
        "-c" | "--config-filename" => found.config_filename = one()?,
        "--config-file-encoding" => found.config_file_encoding = one()?,
        "--adobe-only-user-list" => found.adobe_only_user_list = one()?,
        "--compat" => found.compat = one()?,
        "--summary" => found.summary = one()?,
        "--strategy" => found.strategy = one()?,
        "--user-filter" => found.user_filter = one()?,
        "--exclude-unmapped-users" => found.exclude_unmapped_users = flag(true)?,
        "--include-unmapped-users" => found.exclude_unmapped_users = flag(false)?,
        "--process-groups" => found.process_groups = flag(true)?,
        "--no-process-groups" => found.process_groups = flag(false)?,
        "--accept-empty" => found.accept_empty = flag(true)?.unwrap_or(false),
        "--accept-fewer" => found.accept_fewer = flag(true)?.unwrap_or(false),
        "-t" | "--test-mode" => found.test_mode = flag(true)?,
        "-T" | "--no-test-mode" => found.test_mode = flag(false)?,
        "--update-user-info" => found.update_user_info = flag(true)?,
        "--no-update-user-info" => found.update_user_info = flag(false)?,
        "--adobe-only-user-action" | "--adobe-users" | "--connector" | "--users" => {
            let mut words = vec![one()?.unwrap_or_default()];
            while let Some(next) = rest.next_if(|next| !next.starts_with('-')) {
                words.push(next.to_owned());
            }
            let slot = match name {
                "--adobe-only-user-action" => &mut found.adobe_only_user_action,
                "--adobe-users" => &mut found.adobe_users,
                "--connector" => &mut found.connector,
                _ => &mut found.users,
            };
            *slot = Some(words);
        }
        _ => return Err(UsageError::Unknown(name.to_owned())),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Arguments {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match parse(&words).unwrap() {
            Asked::Run(arguments) => *arguments,
            other => panic!("{other:?}"),
        }
    }

    fn words(of: &[&str]) -> Vec<String> {
        of.iter().map(|&w| w.to_owned()).collect()
    }

    #[test]
    fn greedy_options_take_words_up_to_the_next_option() {
        let found =
            run("--users mapped -t --connector csv users.csv --adobe-only-user-action write-file left.csv");
        assert_eq!(found.users, Some(words(&["mapped"])));
        assert_eq!(found.test_mode, Some(true));
        assert_eq!(found.connector, Some(words(&["csv", "users.csv"])));
        assert_eq!(
            found.adobe_only_user_action,
            Some(words(&["write-file", "left.csv"]))
        );
        assert_eq!(run("--users=group a,b"), run("--users group a,b"));
        assert_eq!(
            run("--users group a, b").users,
            Some(words(&["group", "a,", "b"]))
        );
    }

    #[test]
    fn the_last_of_a_pair_counts() {
        assert_eq!(run("-t -T").test_mode, Some(false));
        assert_eq!(
            run("--no-process-groups --process-groups").process_groups,
            Some(true)
        );
        assert_eq!(run("").process_groups, None);
        assert_eq!(
            run("-c a.yml --config-filename=b.yml").config_filename.as_deref(),
            Some("b.yml")
        );
    }

    #[test]
    fn a_hook_is_tried_for_ten_people_or_as_many_as_are_asked_for() {
        assert_eq!(run("").hook, None);
        assert_eq!(run("--hook --users mapped").hook, Some(10));
        assert_eq!(run("--hook 3 -t").hook, Some(3));
        assert_eq!(run("--hook=3").hook, Some(3));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let fails =
            |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap_err();
        assert_eq!(fails("--usres all"), UsageError::Unknown("--usres".to_owned()));
        assert_eq!(fails("all"), UsageError::Stray("all".to_owned()));
        assert_eq!(fails("-t=1"), UsageError::Unknown("-t=1".to_owned()));
        assert_eq!(
            fails("--test-mode=1"),
            UsageError::NoValueWanted("--test-mode".to_owned())
        );
        assert_eq!(
            fails("--hook=all"),
            UsageError::NoNumber("--hook".to_owned(), "all".to_owned())
        );
        assert_eq!(fails("--hook all"), UsageError::Stray("all".to_owned()));
        assert_eq!(
            fails("--hook 0"),
            UsageError::NoNumber("--hook".to_owned(), "0".to_owned())
        );
        assert_eq!(fails("--strategy"), UsageError::NoValue("--strategy".to_owned()));
        for line in [
            "--connector --summary s.json",
            "--connector -t",
            "--connector --nonsense",
        ] {
            assert_eq!(
                fails(line),
                UsageError::NoValue("--connector".to_owned()),
                "{line}"
            );
        }
        assert_eq!(
            fails("--user-filter --users all"),
            UsageError::NoValue("--user-filter".to_owned())
        );
        assert_eq!(run("--user-filter -.*").user_filter.as_deref(), Some("-.*"));
        assert_eq!(run("--user-filter=--.*").user_filter.as_deref(), Some("--.*"));
        assert_eq!(run("--summary -").summary.as_deref(), Some("-"));
    }
}

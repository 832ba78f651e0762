//! The commands beside `sync` that user-sync has: what can be typed, and which file does it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::{about, credential, files, keys};

/// Commands beside the synchronization.
#[derive(Debug, Parser)]
struct Tools {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Write the two run scripts and the three configuration files of a first sync.
    Init(Init),
    /// Write commented examples of the configuration files.
    ExampleConfig(Examples),
    /// Write scripts that run a sync, for real and in test mode.
    ShellScripts(Scripts),
    /// Make a private key and a self-signed certificate for an integration.
    Certgen(Certgen),
    /// Put a passphrase on a private key.
    Encrypt(Passphrase),
    /// Take the passphrase off a private key.
    Decrypt(Passphrase),
    /// Keep secrets in the store of the operating system, and move those of connector files there.
    #[command(subcommand)]
    Credential(credential::Credential),
    /// Show the guide.
    Docs(Docs),
    /// Show versions, the system, and where things are looked for.
    Info,
    /// Acrobat Sign: not supported, and what to do.
    #[command(alias = "sign", disable_help_flag = true)]
    SignSync(Ignored),
    /// Acrobat Sign: not supported, and what to do.
    #[command(disable_help_flag = true)]
    ExampleConfigSign(Ignored),
    /// Acrobat Sign: not supported, and what to do.
    #[command(disable_help_flag = true)]
    MigratePostSync(Ignored),
}

/// Words that do not matter.
#[derive(Debug, Args)]
struct Ignored {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<String>,
}

#[derive(Debug, Args)]
struct Init {
    /// Replace files that are there without asking
    #[arg(short, long)]
    yes: bool,
}

/// Names of example files.
#[derive(Debug, Default, Args)]
pub(super) struct Examples {
    /// Name of the main file; asked for when not given [user-sync-config.yml]
    #[arg(long, value_name = "FILE")]
    pub(super) root: Option<String>,
    /// Name of the connector file of the organization; asked for when not given [connector-umapi.yml]
    #[arg(long, value_name = "FILE")]
    pub(super) umapi: Option<String>,
    /// Name of the connector file of LDAP; asked for when not given [connector-ldap.yml]
    #[arg(long, value_name = "FILE")]
    pub(super) ldap: Option<String>,
    /// Write a connector file for Okta as well
    #[arg(long, value_name = "FILE")]
    pub(super) okta: Option<String>,
    /// Write a connector file for CSV files as well
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<String>,
    /// Write a connector file for another organization as the directory as well
    #[arg(long, value_name = "FILE")]
    pub(super) console: Option<String>,
    /// Take the usual names, and replace files that are there, without asking
    #[arg(short, long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
struct Scripts {
    /// For which system [default: this one]
    #[arg(short, long, value_name = "SYSTEM", value_parser = ["win", "linux"])]
    platform: Option<String>,
    /// Replace files that are there without asking
    #[arg(short, long)]
    yes: bool,
}

/// Where the pair goes.
#[derive(Debug, Args)]
pub(super) struct Certgen {
    /// Replace files that are there without asking
    #[arg(short, long, short_alias = 'y', visible_alias = "yes")]
    pub(super) overwrite: bool,
    /// Ask nothing: the subject is random, the certificate lasts ten years
    #[arg(short, long)]
    pub(super) randomize: bool,
    /// File for the private key
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "private.key",
        short_alias = 'p',
        alias = "private-key-file"
    )]
    pub(super) key: PathBuf,
    /// File for the certificate
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "certificate_pub.crt",
        alias = "cert-pub-file"
    )]
    pub(super) certificate: PathBuf,
}

/// A key and its passphrase.
#[derive(Debug, Args)]
pub(super) struct Passphrase {
    /// The private key, PEM
    #[arg(value_name = "KEY", default_value = "private.key")]
    pub(super) key: PathBuf,
    /// Where the result goes [default: the key's own file]
    #[arg(short, long, value_name = "FILE", alias = "output")]
    pub(super) output_file: Option<PathBuf>,
    /// The passphrase; asked for when not given, which keeps it out of the shell's history
    #[arg(short, long, value_name = "PASSPHRASE")]
    pub(super) password: Option<String>,
}

/// Which page.
#[derive(Debug, Args)]
pub(super) struct Docs {
    /// The page about compatibility with user-sync instead
    #[arg(long)]
    pub(super) compat: bool,
    /// Accepted for the sake of scripts: the page is always printed
    #[arg(long = "print")]
    _print: bool,
}

/// Whether a word is one of these commands.
pub(super) fn has(word: &str) -> bool {
    let tools = Tools::command();
    tools
        .get_subcommands()
        .any(|tool| tool.get_name() == word || tool.get_all_aliases().any(|alias| alias == word))
}

/// A line for each command, for the help of the program.
pub(super) fn list() -> String {
    let tools = Tools::command();
    let lines = tools.get_subcommands().map(|tool| {
        let about = tool.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  {:<20}{about}\n", tool.get_name())
    });
    lines.collect()
}

/// Carries one out. `words` begin with its name.
pub(super) fn run(program: &str, words: &[String]) -> ExitCode {
    let command = Tools::command().bin_name(program.to_owned());
    let typed = std::iter::once(program).chain(words.iter().map(String::as_str));
    let matches = match command.try_get_matches_from(typed) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let tool = match Tools::from_arg_matches(&matches) {
        Ok(tools) => tools.tool,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(2);
        }
    };
    let done = match tool {
        Tool::Init(init) => files::init(init.yes),
        Tool::ExampleConfig(names) => files::examples(&names),
        Tool::ShellScripts(scripts) => files::scripts(scripts.platform.as_deref(), scripts.yes),
        Tool::Certgen(asked) => keys::certgen(&asked),
        Tool::Encrypt(asked) => keys::encrypt(&asked),
        Tool::Decrypt(asked) => keys::decrypt(&asked),
        Tool::Credential(asked) => credential::run(&asked),
        Tool::Docs(docs) => Ok(about::docs(&docs)),
        Tool::Info => Ok(about::info(program)),
        Tool::SignSync(Ignored { words }) => {
            super::no_summary_of_yesterday(&words, about::NO_SIGN);
            Ok(about::sign())
        }
        Tool::ExampleConfigSign(_) | Tool::MigratePostSync(_) => Ok(about::sign()),
    };
    match done {
        Ok(exit) => match crate::ui::lost_output() {
            Some(error) => {
                crate::ui::failed(&error);
                crate::ui::Exit::Failed.into()
            }
            None => exit.into(),
        },
        Err(error) => {
            crate::ui::failed(&error);
            crate::ui::Exit::Incomplete.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Tools::command().debug_assert();
    }

    #[test]
    fn both_spellings_of_options_are_understood() {
        for words in [
            ["certgen", "-o", "-r", "-k", "a", "-c", "b"],
            ["certgen", "-y", "-r", "-p", "a", "--cert-pub-file", "b"],
            [
                "certgen",
                "--overwrite",
                "--randomize",
                "--private-key-file",
                "a",
                "--certificate",
                "b",
            ],
        ] {
            let typed = std::iter::once("user-sync").chain(words);
            let Ok(Tools {
                tool: Tool::Certgen(found),
            }) = Tools::try_parse_from(typed)
            else {
                panic!("{words:?}")
            };
            assert!(found.overwrite && found.randomize);
            assert_eq!(
                (found.key, found.certificate),
                (PathBuf::from("a"), PathBuf::from("b"))
            );
        }
    }

    #[test]
    fn the_commands_of_user_sync_are_there() {
        for word in [
            "init",
            "example-config",
            "example-config-sign",
            "shell-scripts",
            "certgen",
            "encrypt",
            "decrypt",
            "credential",
            "docs",
            "info",
            "migrate-post-sync",
            "sign-sync",
            "sign",
        ] {
            assert!(has(word), "{word}");
        }
        assert!(!has("sync") && !has("plan"));
    }
}

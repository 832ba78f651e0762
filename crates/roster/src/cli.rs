//! What can be typed: clap types and help texts, nothing else.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Keeps an organization's people and their product access right, and says who has what.
#[derive(Debug, Parser)]
#[command(
    name = "roster",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:
  roster demo                                   a server, a made-up company, a thousand people
  roster serve --data roster-data               the server, on https://127.0.0.1:8443
  roster org apply org.yml --data roster-data   describe organizations, beside the running server
  roster sync --users file people.csv --process-groups   bring a CSV file in, with user-sync's files

Exit codes: 0 done or nothing to do, 1 something was refused or left undone, 2 could not run.
`roster sync` has user-sync's: see its own --help.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server: the User Management API, the token endpoints, health and metrics.
    Serve(Serve),
    /// Describe organizations: directories, products, profiles, integrations, administrators.
    #[command(subcommand)]
    Org(Org),
    /// The keys that sign access tokens.
    #[command(subcommand)]
    Keys(Keys),
    /// Administrators: who they are, and a way back in for those who are locked out.
    #[command(subcommand)]
    Admin(Admin),
    /// Keep an organization in step with a directory (options of user-sync).
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Sync(Passed),
    /// Show the main job: a server, a made-up company, a thousand people.
    Demo(Demo),
    /// Check a database: tables against each other, against the counters and against the log.
    Verify(Verify),
    /// Bring a database to the schema of this program.
    Migrate(Migrate),
    /// Show the log: who changed what, when, from what to what.
    Audit(Box<Audit>),
    /// Copy the embedded database to a file, beside a running server.
    Backup(Backup),
    /// Make a database from a backup, in a folder that has none.
    Restore(Restore),
}

/// Arguments for a command that reads them itself.
#[derive(Debug, Args)]
pub(crate) struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) args: Vec<OsString>,
}

/// Where the data is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Place {
    /// Folder of the embedded database, keys and certificates; `serve` and `org apply` make it [default: roster-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A PostgreSQL database instead (postgres://…); nothing is kept in a folder then. TLS as with libpq:
    /// postgres://roster@db/roster?sslmode=verify-full&sslrootcert=FILE [default of sslmode: prefer]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// File with the key that protects secrets at rest [default: master.key in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Settings file (TOML); flags and ROSTER_* variables come before it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `roster serve`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Every flag but --config can also be given as a variable (ROSTER_LISTEN, ROSTER_TLS_CERT, …) or as a key \
of the settings file (listen, tls_cert, …), in this order. The settings file has more keys: page_size_users, \
page_size_groups, page_size_deprecated, max_list_entries, max_linked_members, strict_names, denied_countries, ims_hosts, \
token_ttl, jwt_max_lifetime, metrics_token, sync_min_interval, environment, and the tables [limits.per_client] and \
[limits.global] with requests per minute by class (action, users, users_by_group, user, groups, token, …; 0 is no limit).

Examples:
  roster serve
  roster serve --data /var/lib/roster --listen 0.0.0.0:443 --public-url https://roster.example.com
  roster serve --database postgres://roster@db/roster --master-key-file /run/secrets/roster --tls off"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// self-signed (a local authority, DIR/tls/ca.pem) or off [default: self-signed]
    #[arg(long, value_name = "MODE")]
    pub(crate) tls: Option<String>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address under which clients reach the server
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// documented (the limits of the API) or off [default: off]
    #[arg(long, value_name = "MODE")]
    pub(crate) throttle: Option<String>,
    /// File to write {"url", "ca_file", "pid"} to when requests are accepted
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// `roster org`.
#[derive(Debug, Subcommand)]
pub(crate) enum Org {
    Apply(OrgApply),
    /// Write the description of an organization to standard output.
    #[command(after_help = "Example:
  roster org export 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg --data roster-data > org.yml")]
    Export {
        /// The organization's id or name
        org: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Bring organizations to what a file describes; the same file twice changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 applied, or nothing to change; 1 with --dry-run, something would change; 2 refused or could not run, and \
                  nothing was changed.

Examples:
  roster org apply org.yml --data roster-data --credentials credentials.json
  roster org apply org.yml --data roster-data --prune --dry-run
  roster org apply org.yml --data roster-data --prune"
)]
pub(crate) struct OrgApply {
    /// The description (YAML)
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: Place,
    /// File to write the secrets made in this run to, readable by its owner only
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
    /// Remove what earlier descriptions brought in and this one does not have; never people
    #[arg(long)]
    pub(crate) prune: bool,
    /// The most things that --prune may remove from one organization; without it, 10, or a fifth of what it could remove where
    /// that is more
    #[arg(long, value_name = "N", requires = "prune")]
    pub(crate) max_removals: Option<usize>,
    /// Let --prune remove an organization's last integration, or a system administrator (be it the last or not)
    #[arg(long, requires = "prune")]
    pub(crate) remove_last: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `roster keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a new signing key. Running servers use it within a second; tokens signed with the keys before it stay
    /// valid until they expire, and those keys stay published as long.
    #[command(after_help = "Example:
  roster keys rotate --data roster-data")]
    Rotate {
        #[command(flatten)]
        place: Place,
    },
}

/// `roster demo`.
#[derive(Debug, Args)]
#[command(
    after_help = "Everything is kept in the folder; a second run continues with it, and syncs people.csv again."
)]
pub(crate) struct Demo {
    /// Stop the server when everything has been shown
    #[arg(long)]
    pub(crate) once: bool,
    /// Folder to keep everything in
    #[arg(long, value_name = "DIR", default_value = "roster-demo")]
    pub(crate) folder: PathBuf,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    pub(crate) listen: String,
}

/// `roster verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 everything agrees, 1 findings (each on a line of standard output), 2 could not run.

Example:
  roster verify --data roster-data"
)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `roster admin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Show who has which role in an organization, and who has a password.
    #[command(after_help = "Examples:
  roster admin list --data roster-data
  roster admin list --data roster-data --org Example --json")]
    List {
        #[command(flatten)]
        place: Place,
        /// Only this organization, by its id or name
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Give an administrator a new password, beside a running server. The old one is no longer valid.
    #[command(
        after_help = "The password is made up, and shown once. With --appoint somebody who has no role becomes system \
administrator, for when nobody is left who has one; the account is made where there is none.

Examples:
  roster admin reset admin@example.com --data roster-data
  roster admin reset new@example.com --org Example --appoint --credentials admin.json"
    )]
    Reset {
        /// The administrator's e-mail address
        email: String,
        #[command(flatten)]
        place: Place,
        /// The organization, by its id or name; needed when there are several
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Make somebody without a role system administrator
        #[arg(long)]
        appoint: bool,
        /// Add the password to this file (readable by its owner only) instead of showing it
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
    },
}

/// `roster migrate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  roster migrate --database postgres://roster@db/roster")]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `roster audit`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Everything given has to fit. Each organization's log is shown by itself, oldest entry first, in the order of its \
numbers. --json has more than the table: request ids, all fields before and after, the command that was sent (its keys in \
alphabetical order).

Examples:
  roster audit --data roster-data --limit 20
  roster audit --data roster-data --user ada@example.com --since 2026-11-01
  roster audit --data roster-data --refused --since 24h --json"
)]
pub(crate) struct Audit {
    /// What else can be done with the log; without, it is shown
    #[command(subcommand)]
    pub(crate) what: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only this organization, by its id or name
    #[arg(long, value_name = "ORG")]
    pub(crate) org: Option<String>,
    /// What changed or named somebody who has, or ever had, this e-mail address or username
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// What changed or named a group or profile that has, or ever had, this name
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Who acted, as the column WHO or --json shows it: an integration's name or technical account, or the program
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// The integration that was used, by its client id or name
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
    /// At this time or later: 2026-11-24, 2026-11-24T08:30:00Z, or how long ago (45m, 12h, 7d)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// The request with this id, which its answer had as X-Request-Id
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Only what was refused, or left undone because another part of its call was refused
    #[arg(long)]
    pub(crate) refused: bool,
    /// At most this many entries of each organization, the newest
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be done with the log.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AuditCommand {
    /// Take a removed person's names out of the log; its entries stay.
    Erase(AuditErase),
    /// Take the oldest entries out, into a file or for good; the rest goes on to be checked from there.
    Prune(AuditPrune),
}

/// `roster audit prune`.
#[derive(Debug, Clone, Args)]
#[command(
    group(clap::ArgGroup::new("keep").required(true).args(["export", "no_export"])),
    after_help = "First everything is checked as `roster verify` does, and nothing happens when it does not agree. Then the entries are \
written to the file, one JSON object a line as `roster audit --json` prints them; the file has to be new. Then a checkpoint says \
what the rows came to, and the entries are deleted a few hundred at a time, beside a running server. Numbers go on, `roster verify` \
checks from the checkpoint on, and the log says that it was done. Stopped in the middle, run it again, with another file when \
it had not yet come to deleting.

What the entries said of accounts that `roster audit erase` is asked for later stays in the file. The database file keeps its size; \
the room is used again.

Examples:
  roster audit prune --data roster-data --before 2026-01-01 --export audit-until-2026.jsonl
  roster audit prune --data roster-data --before 365d --no-export"
)]
pub(crate) struct AuditPrune {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Entries older than this go: 2026-11-24, 2026-11-24T08:30:00Z, or how long ago (12h, 365d)
    #[arg(long, value_name = "TIME")]
    pub(crate) before: String,
    /// Write them to this file first; it must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Do not keep them anywhere
    #[arg(long)]
    pub(crate) no_export: bool,
    /// Only the log of this organization, by its id or name
    #[arg(long, value_name = "ORG")]
    pub(crate) org: Option<String>,
}

/// `roster audit erase`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Of every account that ever had the name and is gone, the log loses username, e-mail, domain, first and last name and \
country, under every name that these accounts had, also where other commands name them and where a command was refused. What \
stays is the entry: its number, time, who acted, what kind of change, the account's number and id, and groups. Where somebody \
else has or had the same name, their entries keep it. An account that still exists is refused: remove it first.

It works beside a running server; stopped in the middle, it is finished by running it again. The log says that it was done, \
with the numbers of the entries, without the name.

Not reached: backups, exports and other copies made before; the server's request log; with PostgreSQL, what its own vacuum, \
archive and backups keep. SQLite's file is searched afterwards; --vacuum writes it anew when an e-mail address or username still stands in it.

Examples:
  roster audit erase --data roster-data --user ada@example.com
  roster audit erase --data roster-data --user ada@example.com --vacuum"
)]
pub(crate) struct AuditErase {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The person's e-mail address or username, of any time
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,
    /// Only accounts that belong to this organization, by its id or name
    #[arg(long, value_name = "ORG")]
    pub(crate) org: Option<String>,
    /// Write SQLite's file anew afterwards, which leaves nothing of deleted rows; who writes meanwhile waits
    #[arg(long)]
    pub(crate) vacuum: bool,
}

/// `roster backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "A backup is one file: the database as it was at one moment, all that was acknowledged before the command \
began included. It is checked before it gets its name, and nothing is ever overwritten. Not in it, and needed to use it: \
master.key from the data folder. Keep a copy of that once, and not beside the backups: whoever has both has the signing \
keys. Not in it either: the folder tls, with the certificate authority that clients trust.

Exit codes: 0 done, 1 the backup is there, but rows of the database do not agree (each on a line), 2 there is none.

Examples:
  roster backup --data roster-data --to backups/          a name with the time
  roster backup --data roster-data --to before-0.2.db"
)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The file to write, or a folder to put one in, named after the time
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) to: PathBuf,
}

/// `roster restore`.
#[derive(Debug, Args)]
#[command(
    after_help = "The backup is checked as `roster verify` does, and one of an earlier version is brought to the schema of this \
program, before the database is put in place. Put master.key, which belongs to it, into the same folder.

Exit codes: 0 done, 1 restored with rows that do not agree (--accept-findings), 2 nothing was restored.

Example:
  roster restore --from backups/roster-20261124-020000Z.db --data roster-data"
)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Restore also when rows do not agree with each other, if there is no better backup
    #[arg(long)]
    pub(crate) accept_findings: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}

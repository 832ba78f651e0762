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
    /// Keep an organization in step with a directory (options of user-sync).
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Sync(Passed),
    /// Show the main job: a server, a made-up company, a thousand people.
    Demo(Demo),
    /// Check a database: tables against each other, against the counters and against the log.
    Verify(Verify),
    /// Bring a database to the schema of this program.
    Migrate(Migrate),
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
    /// Folder of the embedded database, keys and certificates; made on first start [default: roster-data]
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
    after_help = "Every flag but --config can also be given as a variable (ROSTER_LISTEN, ROSTER_TLS_CERT, …) or as a key
of the settings file (listen, tls_cert, …), in this order. The settings file has more keys:
page_size_users, page_size_groups, max_list_entries, max_linked_members, strict_names, denied_countries,
ims_hosts, token_ttl, jwt_max_lifetime, metrics_token, sync_min_interval, and the tables
[limits.per_client] and [limits.global] with requests per minute by class (action, users, users_by_group,
user, groups, token, …; 0 is no limit).

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
    /// Bring organizations to what a file describes; the same file twice changes nothing.
    #[command(after_help = "Examples:
  roster org apply org.yml --data roster-data --credentials credentials.json
  roster org apply org.yml --data roster-data --prune")]
    Apply {
        /// The description (YAML)
        file: PathBuf,
        #[command(flatten)]
        place: Place,
        /// File to write the secrets made in this run to, readable by its owner only
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
        /// Remove what earlier descriptions brought in and this one does not have; never people
        #[arg(long)]
        prune: bool,
    },
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
    after_help = "Everything is kept in the folder roster-demo; a second run continues with it, and syncs people.csv again."
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

/// `roster migrate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  roster migrate --database postgres://roster@db/roster")]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) place: Place,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}

//! Kerberos tickets and keytabs that a connector file names.

use std::env;
use std::io;

use roster_sync::{Arguments, TicketFiles};

const CCACHE: &str = "KRB5CCNAME";
const KEYTAB: &str = "KRB5_CLIENT_KTNAME";

/// What this program's environment has.
pub(super) fn here() -> TicketFiles {
    TicketFiles {
        ccache: env::var(CCACHE).ok(),
        keytab: env::var(KEYTAB).ok(),
    }
}

/// Starts the program once more in its own place, with what the connector file names in its environment: the system's
/// Kerberos library looks there alone, and nothing but a new start can safely change it.
///
/// # Errors
///
/// A program that cannot be started again.
#[cfg(all(unix, feature = "gssapi"))]
pub(super) fn start_anew(arguments: &Arguments) -> io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    let Some(wanted) = roster_sync::tickets(arguments).filter(|wanted| !wanted.are_met_by(&here())) else {
        return Ok(());
    };
    let mut words = env::args_os();
    let name = words.next().unwrap_or_default();
    let mut command = Command::new(env::current_exe()?);
    command.arg0(name).args(words);
    for (variable, value) in [(CCACHE, wanted.ccache), (KEYTAB, wanted.keytab)] {
        command.envs(value.map(|value| (variable, value)));
    }
    Err(command.exec())
}

/// Without the library there is nothing to start for.
#[cfg(not(all(unix, feature = "gssapi")))]
#[expect(clippy::unnecessary_wraps, reason = "where there is the library, it may fail")]
pub(super) fn start_anew(_: &Arguments) -> io::Result<()> {
    Ok(())
}

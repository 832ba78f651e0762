//! try
#[path = "../../roster/src/command/sync.rs"]
mod sync;
fn main() -> std::process::ExitCode {
    sync::run("roster sync", std::env::args_os().skip(2).collect())
}

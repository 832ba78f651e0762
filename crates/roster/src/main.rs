//! The binary: command line, settings, printing. What happens is decided and done in the libraries.

mod cli;
mod command;
mod org_file;
mod settings;
mod ui;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_default();
    // Under the name of the program it replaces, the binary is that program.
    if Path::new(&program)
        .file_stem()
        .is_some_and(|name| name == "user-sync")
    {
        return command::sync::run("user-sync", args.collect());
    }
    let words: Vec<OsString> = args.collect();
    if words.first().is_some_and(|word| word == "sync") {
        return command::sync::run("roster sync", words.into_iter().skip(1).collect());
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure; clap knows which is which.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    // What a server prints, it prints for whoever waits for it, and goes on.
    let serves = matches!(cli.command, cli::Command::Serve(_));
    match command::run(cli.command) {
        Ok(exit) => match ui::lost_output().filter(|_| !serves) {
            Some(error) => {
                ui::failed(&error);
                ui::Exit::Failed.into()
            }
            None => exit.into(),
        },
        Err(error) => {
            ui::failed(&error);
            ui::Exit::Failed.into()
        }
    }
}

//! `roster sync`, and what the program does under the name `user-sync`. The options are user-sync's, so they are read
//! by hand: some take every word up to the next option, which no option parser does.

mod about;
mod ask;
mod credential;
mod files;
mod keys;
mod progress;
mod secrets;
mod tickets;
mod tools;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use roster_client::{Proxies, Secret};
use roster_sync::{Asked, LDAP_PAUSES, Surroundings};

/// Commands of later versions.
const LATER: [&str; 3] = ["plan", "apply", "watch"];

const VERSION: &str = env!("CARGO_PKG_VERSION");

const HELP: &str = "\
Keep organizations in step with a directory.

Reads the files and options of user-sync: people from an LDAP directory, a file, Okta or another
organization, accounts through the User Management API; sends what differs.

Usage: {program} [OPTIONS]
       {program} check [OPTIONS]    try everything that can be tried without changing anything, and say
                                    what a run would do
       {program} check --hook [N]   run the hook for the first N people that are selected [10] and show what
                                    it makes of each; no organization is asked anything
       {program} COMMAND --help

Options:
  -c, --config-filename FILE        main configuration file [user-sync-config.yml]
      --config-file-encoding NAME   encoding of the configuration files [utf8]
      --connector KIND [FILE]       where people come from: ldap, `csv FILE`, okta, adobe_console (another
                                    organization) [ldap]
      --users WHICH                 all, mapped, `group A,B`, or `file FILE` [all]
      --user-filter REGEX           only usernames that fit it entirely
      --process-groups, --no-process-groups
                                    manage group memberships [no]
      --update-user-info, --no-update-user-info
                                    update names and addresses of existing accounts [no]
      --exclude-unmapped-users, --include-unmapped-users
                                    do not create people without a mapped group [include]
      --adobe-users WHICH           accounts to look at: all, mapped, or `group A,B` [all]
      --adobe-only-user-action WHAT for accounts nobody in the directory stands for: preserve, exclude,
                                    `write-file FILE`, remove-adobe-groups, remove, delete [preserve]
      --adobe-only-user-list FILE   act on the accounts of this list; no directory is read
      --strategy HOW                sync, or push: send everybody without reading accounts [sync]
  -t, --test-mode, -T, --no-test-mode
                                    let the server check and change nothing [no]
      --accept-empty                it is meant that a directory or mapped group has lost all its people,
                                    that nobody is selected, or that another server holds a part now;
                                    without this nothing is taken from anybody for it
      --accept-fewer                it is meant that the directory, or a mapped group, has far fewer people
                                    than in an earlier run; without this nothing is taken away for it
      --summary FILE                write what happened into FILE as one JSON object at the end, however the
                                    run ends; `-` is standard output, and the log then goes to standard error;
                                    a FILE that is there and is no summary is not overwritten
      --compat MODE                 default, or strict: also what user-sync does by mistake
  -h, --help                        this text
  -v, --version                     the version

`--users`, `--connector`, `--adobe-users` and `--adobe-only-user-action` take every word up to the next
option. `invocation_defaults` in the configuration file sets what the command line leaves out.

Commands:
{commands}
Exit codes: 0 done, or another run of this configuration is going on · 1 refused configuration,
unreadable directory or organization, sending broken off, or a log or summary that cannot be written ·
2 wrong usage, or a part that is not there yet · 130 interrupted, 143 terminated
Of `check`: 0 in order · 1 findings · 3 configuration · 4 directory · 5 credentials · 6 organization

Environment: ROSTER_STATE_DIR names the folder of what runs remember; SSL_CERT_FILE or REQUESTS_CA_BUNDLE
names a file of authorities to trust as well, for a server with an authority of its own; HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are heeded.

Examples:
  {program} --process-groups --users mapped -t
  {program} check --users file users.csv --process-groups
  {program} check --hook 3 --users file users.csv --user-filter 'ada@.*'
  {program} --connector csv users.csv --process-groups -t
  {program} --users file users.csv --process-groups --update-user-info
  {program} --connector csv users.csv --adobe-only-user-action write-file left.csv
  {program} --adobe-only-user-list left.csv --adobe-only-user-action remove
";

/// Runs the command. `program` is how help and usage call it (`roster sync` or `user-sync`); `args` are the words
/// behind it.
pub(crate) fn run(program: &str, args: Vec<OsString>) -> ExitCode {
    // Asked while there is one thread: later the system does not say.
    let offset = roster_sync::local_offset();
    let mut words = Vec::with_capacity(args.len());
    let mut bad = None;
    for arg in args {
        match arg.into_string() {
            Ok(word) => words.push(word),
            Err(arg) => {
                words.push(arg.to_string_lossy().into_owned());
                bad.get_or_insert(arg);
            }
        }
    }
    if let Some(arg) = bad {
        return not_begun(
            program,
            &words,
            WRONG,
            &format!("`{}` is not UTF-8", arg.display()),
        );
    }
    let mut only_check = false;
    if let Some(first) = words.first().filter(|word| !word.starts_with('-')).cloned() {
        if tools::has(&first) {
            return tools::run(program, &words);
        }
        if LATER.contains(&first.as_str()) {
            let problem = format!("the command `{first}` is not available in this version");
            return not_begun(program, &words, WRONG, &problem);
        }
        // Plain `sync` and `run` are names of what happens anyway.
        only_check = first == "check";
        if (first == "sync" && program != "roster sync") || first == "run" || only_check {
            words.remove(0);
        }
    }
    let arguments = match roster_sync::parse(&words) {
        Ok(Asked::Run(arguments)) => arguments,
        Ok(Asked::Help) => {
            let help = HELP.replace("{program}", program);
            return say(&help.replace("{commands}", &tools::list()));
        }
        Ok(Asked::Version) if program == "user-sync" => {
            return say(&format!("user-sync {VERSION} (compatible with 2.10)\n"));
        }
        Ok(Asked::Version) => return say(&format!("{program} {VERSION}\n")),
        Err(error) if only_check => return usage(program, &error.to_string()),
        Err(error) => return not_begun(program, &words, WRONG, &error.to_string()),
    };
    if arguments.hook.is_some() && !only_check {
        let problem = "`--hook` goes with `check`: a run has every hook change everybody";
        return not_begun(program, &words, WRONG, problem);
    }
    let cannot = |problem: &str| {
        if only_check {
            usage(program, problem)
        } else {
            not_begun(program, &words, CANNOT, problem)
        }
    };
    // While there is nothing that would be lost.
    if let Err(error) = tickets::start_anew(&arguments) {
        return cannot(&format!("cannot start with a Kerberos ticket: {error}"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return cannot(&format!("cannot start: {error}")),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let signal = Arc::new(AtomicI32::new(0));
    runtime.spawn(watch(Arc::clone(&stop), Arc::clone(&signal)));
    let shown = progress::Shown::new(arguments.summary.as_deref() == Some("-"));
    let surroundings = match surroundings(offset, words.clone(), stop, Arc::clone(&signal), &shown) {
        Ok(surroundings) => surroundings,
        Err(error) => return cannot(&error),
    };
    let code = if only_check {
        runtime.block_on(roster_sync::check(&arguments, surroundings))
    } else {
        runtime.block_on(roster_sync::run(&arguments, surroundings))
    };
    shown.clear();
    runtime.shutdown_background();
    match (code, signal.load(Ordering::Relaxed)) {
        (130, number) if number > 0 => ExitCode::from(u8::try_from(128 + number).unwrap_or(130)),
        _ => ExitCode::from(code),
    }
}

/// What the run needs from the environment, which only this program reads.
fn surroundings(
    offset: time::UtcOffset,
    command_line: Vec<String>,
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicI32>,
    shown: &progress::Shown,
) -> Result<Surroundings, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let any_case = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
    let mut trust = Vec::new();
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"] {
        let Some(file) = variable(name).map(PathBuf::from) else {
            continue;
        };
        let pem =
            std::fs::read(&file).map_err(|e| format!("{name}: `{}` cannot be read: {e}", file.display()))?;
        if !trust.contains(&pem) {
            trust.push(pem);
        }
    }
    let everywhere = any_case("ALL_PROXY");
    let proxy = |name: &str| any_case(name).or_else(|| everywhere.clone()).map(Secret::new);
    let proxies = Proxies {
        https: proxy("HTTPS_PROXY"),
        http: proxy("HTTP_PROXY"),
        except: any_case("NO_PROXY"),
    };
    Ok(Surroundings {
        console: shown.console(),
        offset,
        command_line,
        version: VERSION.to_owned(),
        trust,
        proxies,
        hooks_off: variable("UST_EXTENSION").is_some_and(|value| value.trim() == "0"),
        state_folder: state_folder(variable),
        secrets: Arc::new(secrets::Stores::of_this_system()),
        tickets: tickets::here(),
        ldap_pauses: LDAP_PAUSES,
        output: Box::new(std::io::stdout()),
        errors: Box::new(std::io::stderr()),
        watch: Arc::new(shown.clone()),
        stop,
        signal,
    })
}

/// Where Roster keeps what it has to remember: `ROSTER_STATE_DIR`, else the system's place for such things.
fn state_folder(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(folder) = variable("ROSTER_STATE_DIR") {
        return Some(PathBuf::from(folder));
    }
    let system = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_STATE_HOME")
    };
    // Where `HOME` is not set, as in services, the system's list of users knows it.
    let home = || {
        let home = std::env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join(".local").join("state"))
    };
    system
        .map(PathBuf::from)
        .or_else(home)
        .map(|folder| folder.join("roster"))
}

/// Waits for the request to stop. The second one ends the process at once, as does the signal by itself.
async fn watch(stop: Arc<AtomicBool>, signal: Arc<AtomicI32>) {
    loop {
        let number = next_signal().await;
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(128 + number);
        }
        signal.store(number, Ordering::Relaxed);
    }
}

#[cfg(unix)]
async fn next_signal() -> i32 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}

#[cfg(not(unix))]
async fn next_signal() -> i32 {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    2
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

/// The stable names of what keeps a run from beginning.
const WRONG: &str = "wrong-usage";
const CANNOT: &str = "not-begun";

/// As [`usage`], with a summary where one was asked for: nobody takes that of an earlier run for its own.
fn not_begun(program: &str, words: &[String], key: &str, problem: &str) -> ExitCode {
    let code = usage(program, problem);
    tell(words, key, problem);
    code
}

/// Writes the summary of a run that is none, where `--summary` asks for one.
fn no_summary_of_yesterday(words: &[String], problem: &str) {
    tell(words, WRONG, problem);
}

fn tell(words: &[String], key: &str, problem: &str) {
    let told = roster_sync::tell_failure(words, VERSION, key, problem, &mut std::io::stdout());
    if let Err(error) = told {
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
}

fn usage(program: &str, problem: &str) -> ExitCode {
    let _ = writeln!(
        std::io::stderr(),
        "error: {problem}\nhint: `{program} --help` shows the options"
    );
    ExitCode::from(2)
}

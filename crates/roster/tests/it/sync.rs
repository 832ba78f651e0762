//! `roster sync` as typed: names, help, usage, the environment, interrupting.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_roster");

fn run(program: &Path, words: &[&str]) -> Output {
    Command::new(program)
        .args(words)
        .env("HOME", std::env::temp_dir().join("roster-no-home"))
        .env_remove("XDG_STATE_HOME")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_has_every_option_and_examples_under_either_name() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("user-sync");
    fs::copy(PROGRAM, &link).unwrap();
    let ours = run(Path::new(PROGRAM), &["sync", "--help"]);
    let theirs = run(&link, &["--help"]);
    assert!(ours.status.success() && theirs.status.success());
    for option in [
        "--config-filename",
        "--config-file-encoding",
        "--adobe-only-user-action",
        "--adobe-only-user-list",
        "--adobe-users",
        "--connector",
        "--exclude-unmapped-users",
        "--include-unmapped-users",
        "--process-groups",
        "--no-process-groups",
        "--strategy",
        "--test-mode",
        "--no-test-mode",
        "--update-user-info",
        "--no-update-user-info",
        "--user-filter",
        "--users",
        "--accept-empty",
        "--accept-fewer",
        "--summary",
        "--compat",
    ] {
        assert!(out(&ours).contains(option), "{option}");
    }
    assert!(out(&ours).contains("roster sync --connector csv users.csv"));
    assert!(out(&theirs).contains("user-sync --connector csv users.csv"));
    let version = out(&run(&link, &["--version"]));
    assert!(
        version.starts_with("user-sync ") && version.ends_with("(compatible with 2.10)\n"),
        "{version}"
    );
}

#[test]
fn wrong_usage_is_exit_code_2_on_standard_error_with_a_way_out() {
    for words in [
        &["sync", "--usres", "all"][..],
        &["sync", "--strategy"],
        &["sync", "plan"],
        &["sync", "all"],
        &["sync", "--hook", "3"],
        &["sync", "check", "--hook=none"],
    ] {
        let output = run(Path::new(PROGRAM), words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(out(&output).is_empty(), "{words:?}");
        assert!(
            err(&output).starts_with("error: ") && err(&output).contains("\nhint: `roster sync --help`"),
            "{}",
            err(&output)
        );
    }
}

#[test]
fn a_run_that_cannot_begin_leaves_no_summary_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told.json");
    let earlier = r#"{"schema":1,"run_id":"of yesterday","exit_code":0,"exit_reason":"done"}"#;
    let begin = |words: &[&str], bundle: &str| {
        Command::new(PROGRAM)
            .arg("sync")
            .args(words)
            .current_dir(folder.path())
            .env("REQUESTS_CA_BUNDLE", bundle)
            .output()
            .unwrap()
    };
    for (words, bundle, reason) in [
        (
            &["--usres", "all", "--summary", "told.json"][..],
            "",
            "wrong-usage",
        ),
        (&["--summary=told.json", "--users"], "", "wrong-usage"),
        (&["all", "--summary", "told.json"], "", "wrong-usage"),
        (&["plan", "--summary", "told.json"], "", "wrong-usage"),
        (&["--hook", "3", "--summary", "told.json"], "", "wrong-usage"),
        (&["--connector", "--summary", "told.json"], "", "wrong-usage"),
        (&["-c", "--summary", "told.json"], "", "wrong-usage"),
        (&["sign-sync", "--summary", "told.json"], "", "wrong-usage"),
        (&["--summary", "told.json"], "/nowhere/ca.pem", "not-begun"),
    ] {
        fs::write(&told, earlier).unwrap();
        let output = begin(words, bundle);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let account: serde_json::Value = serde_json::from_str(&fs::read_to_string(&told).unwrap()).unwrap();
        assert_eq!(account["exit_code"], 2, "{words:?}: {account:#}");
        assert_eq!(account["exit_reason"], reason, "{words:?}");
        let message = account["errors"][0]["message"].as_str().unwrap();
        assert!(err(&output).contains(message), "{message}: {}", err(&output));
    }
    let output = begin(&["--usres", "--summary", "-"], "");
    let account: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(account["exit_code"], 2);
    // What is no summary stays, as with any run; so does that of an earlier run when nothing is run.
    fs::write(folder.path().join("people.csv"), "email\n").unwrap();
    let output = begin(&["--usres", "--summary", "people.csv"], "");
    assert!(
        err(&output).contains("is no summary of a run"),
        "{}",
        err(&output)
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("people.csv")).unwrap(),
        "email\n"
    );
    fs::write(&told, earlier).unwrap();
    begin(&["check", "--usres", "--summary", "told.json"], "");
    begin(&["--help", "--summary", "told.json"], "");
    assert_eq!(fs::read_to_string(&told).unwrap(), earlier);
}

#[test]
fn a_bundle_of_certificates_that_cannot_be_read_is_named_with_its_variable() {
    let output = Command::new(PROGRAM)
        .arg("sync")
        .env("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("REQUESTS_CA_BUNDLE: `/nowhere/ca.pem` cannot be read"),
        "{}",
        err(&output)
    );
}

/// A folder with configuration files for a server that takes requests and never answers.
fn silent() -> (tempfile::TempDir, std::net::TcpListener) {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "user-sync-config.yml",
        "adobe_users: {connectors: {umapi: umapi.yml}}\ndirectory_users: {connectors: {}}\nlimits: {max_adobe_only_users: 1}\n",
    );
    write(
        "umapi.yml",
        &format!(
            "authentication_method: oauth\nserver: {{host: '{url}', auth_host: '{url}', timeout: 2, retries: 9}}\n\
             enterprise: {{org_id: o, client_id: c, client_secret: s}}\n"
        ),
    );
    write("users.csv", "email\n");
    (folder, listener)
}

fn start(folder: &Path) -> std::process::Child {
    Command::new(PROGRAM)
        .args([
            "sync",
            "--connector",
            "csv",
            "users.csv",
            "--summary",
            "told.json",
        ])
        .current_dir(folder)
        .env("ROSTER_STATE_DIR", folder.join("state"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn without_python_a_hook_is_refused_and_nothing_is_sent() {
    let (folder, listener) = silent();
    listener.set_nonblocking(true).unwrap();
    let main = fs::read_to_string(folder.path().join("user-sync-config.yml")).unwrap();
    let main = main.replace("{connectors: {}}", "{connectors: {}, extension: hook.yml}");
    fs::write(folder.path().join("user-sync-config.yml"), main).unwrap();
    fs::write(folder.path().join("hook.yml"), "after_mapping_hook: pass\n").unwrap();
    for (words, code) in [(vec!["sync"], 1), (vec!["sync", "check"], 3)] {
        let output = Command::new(PROGRAM)
            .args(words)
            .args(["--connector", "csv", "users.csv"])
            .current_dir(folder.path())
            .env("ROSTER_STATE_DIR", folder.path().join("state"))
            .env("PATH", folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", out(&output));
        let said = out(&output);
        assert!(
            said.contains("hook.yml:1: `after_mapping_hook` is run by Python 3, and there is neither")
                && said.contains("[hook-python-missing]"),
            "{said}"
        );
        assert!(listener.accept().is_err(), "somebody was asked: {said}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_after_the_request_under_way_with_the_signals_code() {
    let (folder, listener) = silent();
    let child = start(folder.path());
    // The request for a token has arrived, so the run waits for its answer.
    let _connection = listener.accept().unwrap();
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(out(&output).contains("INTERRUPTED"), "{}", out(&output));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_does_not_wait_for_a_pipe_that_nobody_writes() {
    use std::io::BufRead as _;
    let (folder, _listener) = silent();
    let list = folder.path().join("users.csv");
    fs::remove_file(&list).unwrap();
    assert!(Command::new("mkfifo").arg(&list).status().unwrap().success());
    let mut child = start(folder.path());
    let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Start Load from Directory") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let began = std::time::Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if began.elapsed() > std::time::Duration::from_secs(20) {
            child.kill().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(code, Some(130));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    assert!(rest.contains("INTERRUPTED before anything was sent"), "{rest}");
}

#[cfg(unix)]
#[test]
fn a_list_may_come_through_a_pipe() {
    let (folder, listener) = silent();
    let list = folder.path().join("users.csv");
    fs::remove_file(&list).unwrap();
    assert!(Command::new("mkfifo").arg(&list).status().unwrap().success());
    let mut child = start(folder.path());
    fs::write(&list, "email\n").unwrap();
    // It was read, so that the organization is asked.
    let _connection = listener.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(unix)]
#[cfg(target_os = "linux")]
#[test]
fn a_console_that_cannot_be_written_is_told_and_a_reader_that_went_away_is_not() {
    let (folder, _listener) = silent();
    fs::write(
        folder.path().join("list.csv"),
        "type,email\nfederatedID,ada@x.com\n",
    )
    .unwrap();
    let run = |to: Stdio| {
        // A list with `preserve` has nothing to do, and nobody is asked.
        Command::new(PROGRAM)
            .args(["sync", "--adobe-only-user-list", "list.csv"])
            .current_dir(folder.path())
            .env("ROSTER_STATE_DIR", folder.path().join("state"))
            .stdout(to)
            .output()
            .unwrap()
    };
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = run(full.into());
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(
        err(&output).contains("line(s) of the log could not be written to the console: No space left"),
        "{}",
        err(&output)
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run(writer.into());
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_second_run_of_the_same_configuration_stays_out_and_says_so() {
    let (folder, listener) = silent();
    let mut first = start(folder.path());
    let _connection = listener.accept().unwrap();
    let second = start(folder.path()).wait_with_output().unwrap();
    assert_eq!(second.status.code(), Some(0));
    assert!(
        out(&second).contains("A different User Sync process is currently running."),
        "{}",
        out(&second)
    );
    let told = fs::read_to_string(folder.path().join("told.json")).unwrap();
    let account: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(account["exit_code"], 0);
    assert_eq!(account["exit_reason"], "already-running");
    assert!(account["counts"].is_null(), "{account:#}");
    first.kill().unwrap();
    first.wait().unwrap();
}

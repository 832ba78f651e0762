//! Secrets that connector files name with `secure_…_key`: the environment, the folder that systemd gives a service, and
//! the store of the operating system, which is asked through the program that comes with it.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use roster_client::Secret;
use roster_sync::SecretStore;

/// Where secrets may be.
pub(super) struct Stores {
    variable: fn(&str) -> Option<String>,
    /// `CREDENTIALS_DIRECTORY`.
    folder: Option<PathBuf>,
    system: System,
}

/// The store of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    /// Any desktop's Secret Service, through `secret-tool`.
    SecretService,
    /// The login keychain, through `security`.
    Keychain,
    /// The Credential Manager, which cannot be asked yet.
    CredentialManager,
}

impl Stores {
    /// The stores of this process.
    pub(super) fn of_this_system() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            variable,
            folder: variable("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            system: if cfg!(windows) {
                System::CredentialManager
            } else if cfg!(target_os = "macos") {
                System::Keychain
            } else {
                System::SecretService
            },
        }
    }

    /// The names of the stores, for `info`.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec!["the environment (ROSTER_SECRET_…)".to_owned()];
        if let Some(folder) = &self.folder {
            names.push(format!("the folder {}", folder.display()));
        }
        names.extend(self.system.program().map(|(program, _)| format!("`{program}`")));
        names
    }

    /// The secret of this name that is found before the system's store is asked, and where it is.
    pub(super) fn in_front(&self, name: &str) -> Result<Option<(Secret, String)>, String> {
        let variable = variable_name(name);
        if let Some(secret) = (self.variable)(&variable) {
            return Ok(Some((Secret::new(secret), variable)));
        }
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let found = in_folder(folder, name)?;
        Ok(found.map(|secret| (Secret::new(secret), folder.display().to_string())))
    }

    /// What messages call the system's store.
    pub(super) fn system_name(&self) -> &'static str {
        self.system
            .program()
            .map_or("Windows Credential Manager", |(program, _)| program)
    }

    /// The secret that the system's store has.
    pub(super) fn in_system(&self, name: &str, account: &str) -> Result<Option<Secret>, String> {
        self.system.look(name, account)
    }

    /// Puts a secret into the system's store in the place of any other of this name and account, and reads it back. When
    /// that fails, the one that was there is put back.
    pub(super) fn put(&self, name: &str, account: &str, secret: &Secret) -> Result<(), String> {
        let before = self.in_system(name, account)?;
        if before.as_ref().is_some_and(|before| same(before, secret)) {
            return Ok(());
        }
        if before.is_some() {
            // One that another program has stored would stay beside ours, and might be the one that is found.
            self.system.remove(name, account)?;
        }
        let why = match self.put_and_read(name, account, secret) {
            Ok(()) => return Ok(()),
            Err(why) => why,
        };
        // What came back wrong may be there.
        let _ = self.system.remove(name, account);
        let Some(before) = before else {
            return Err(why);
        };
        Err(match self.put_and_read(name, account, &before) {
            Ok(()) => format!("{why}; the secret that was there before is there again"),
            Err(_) => {
                format!("{why}; the secret that was there before is gone and has to be stored again")
            }
        })
    }

    fn put_and_read(&self, name: &str, account: &str, secret: &Secret) -> Result<(), String> {
        self.system.put(name, account, secret)?;
        let found = self.in_system(name, account)?;
        if found.is_some_and(|found| same(&found, secret)) {
            return Ok(());
        }
        Err(format!(
            "the secure storage does not give the secret `{name}` of `{account}` back as it was stored"
        ))
    }

    /// Takes a secret out of the system's store. Says whether there was one.
    pub(super) fn remove(&self, name: &str, account: &str) -> Result<bool, String> {
        if self.in_system(name, account)?.is_none() {
            return Ok(false);
        }
        self.system.remove(name, account)?;
        match self.in_system(name, account)? {
            None => Ok(true),
            Some(_) => Err(format!(
                "the secure storage still has a secret `{name}` of `{account}` after it was deleted"
            )),
        }
    }
}

/// Whether two secrets are one; stores give texts without the line ends behind them.
pub(super) fn same(one: &Secret, other: &Secret) -> bool {
    let plain = |secret: &Secret| secret.reveal().trim_end_matches(['\r', '\n']).to_owned();
    plain(one) == plain(other)
}

impl SecretStore for Stores {
    fn find(&self, name: &str, account: &str) -> Result<(Secret, String), String> {
        if let Some(found) = self.in_front(name)? {
            return Ok(found);
        }
        let variable = variable_name(name);
        self.system.find(name, account).map_err(|why| {
            format!("{why}; the variable {variable} may hold the secret instead, or a file `{name}` in the folder of CREDENTIALS_DIRECTORY")
        })
    }
}

/// The variable that may hold the secret `name`.
fn variable_name(name: &str) -> String {
    let upper = name.to_uppercase();
    let plain = upper
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    format!("ROSTER_SECRET_{}", plain.collect::<String>())
}

fn in_folder(folder: &Path, name: &str) -> Result<Option<String>, String> {
    // The name is that of a file in the folder and of nothing else.
    let is_plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
    let path = folder.join(name);
    if !is_plain || !path.is_file() {
        return Ok(None);
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

impl System {
    /// The program that asks the store, and where it comes from.
    fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::SecretService => Some((
                "secret-tool",
                "install it (package libsecret-tools, or libsecret) and unlock the keyring",
            )),
            Self::Keychain => Some(("security", "it is part of macOS")),
            Self::CredentialManager => None,
        }
    }

    fn arguments<'a>(self, name: &'a str, account: &'a str) -> Vec<&'a str> {
        match self {
            // What Python's keyring writes has these two attributes.
            Self::SecretService => vec!["lookup", "service", name, "username", account],
            Self::Keychain => vec!["find-generic-password", "-s", name, "-a", account, "-w"],
            Self::CredentialManager => Vec::new(),
        }
    }

    fn find(self, name: &str, account: &str) -> Result<(Secret, String), String> {
        match self.look(name, account)? {
            Some(secret) => Ok((
                secret,
                self.program().map_or("", |(program, _)| program).to_owned(),
            )),
            None => Err(format!(
                "the secure storage has no secret `{name}` of the account `{account}`"
            )),
        }
    }

    /// Why nothing can be done without a program.
    fn unreachable(name: &str, account: &str) -> String {
        format!(
            "the Windows Credential Manager (`{name}`, or `{}`) cannot be reached by this version",
            roster_sync::compound_name(name, account)
        )
    }

    /// Runs the store's program.
    fn ask(self, arguments: &[&str], input: &str, subject: (&str, &str)) -> Result<Output, String> {
        let Some((program, help)) = self.program() else {
            return Err(Self::unreachable(subject.0, subject.1));
        };
        let failed = |error: std::io::Error| {
            format!("the secure storage is asked through `{program}`, which cannot be run ({error}): {help}")
        };
        let mut command = Command::new(program);
        command.args(arguments);
        let limit = if std::io::stderr().is_terminal() {
            ATTENDED
        } else {
            UNATTENDED
        };
        match output(&mut command, input, limit) {
            Ok(output) => Ok(output),
            Err(error) if error.kind() == ErrorKind::TimedOut => Err(format!(
                "the secure storage is asked through `{program}`, which did not end within {} seconds and was stopped: unlock the \
                 keyring, and see whether its service answers",
                limit.as_secs()
            )),
            Err(error) => Err(failed(error)),
        }
    }

    fn look(self, name: &str, account: &str) -> Result<Option<Secret>, String> {
        let output = self.ask(&self.arguments(name, account), "", (name, account))?;
        let secret = String::from_utf8(output.stdout)
            .map_err(|_| format!("the secret `{name}` of `{account}` is not text"))?;
        let secret = secret.trim_end_matches(['\r', '\n']);
        if output.status.success() && !secret.is_empty() {
            return Ok(Some(Secret::new(secret)));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if said.trim().is_empty() || self == Self::Keychain {
            return Ok(None);
        }
        Err(self.says("read", &said))
    }

    fn says(self, done: &str, said: &str) -> String {
        let (program, _) = self.program().unwrap_or_default();
        format!(
            "the secure storage cannot be {done}: {program} says: {}",
            said.trim()
        )
    }

    fn put(self, name: &str, account: &str, secret: &Secret) -> Result<(), String> {
        let output = match self {
            Self::SecretService => {
                let label = format!("--label={name}");
                let arguments = [
                    "store", &label, "service", name, "username", account, MARK.0, MARK.1,
                ];
                self.ask(&arguments, secret.reveal(), (name, account))?
            }
            Self::Keychain => {
                let line = keychain_line(name, account, secret)?;
                self.ask(&["-i"], &line, (name, account))?
            }
            Self::CredentialManager => return Err(Self::unreachable(name, account)),
        };
        if output.status.success() {
            return Ok(());
        }
        // What is said of a command may repeat it, secret and all.
        let said = match self {
            Self::SecretService => String::from_utf8_lossy(&output.stderr).into_owned(),
            _ => output.status.to_string(),
        };
        Err(self.says("written", &said))
    }

    fn remove(self, name: &str, account: &str) -> Result<(), String> {
        let arguments = match self {
            Self::SecretService => ["clear", "service", name, "username", account],
            Self::Keychain => ["delete-generic-password", "-s", name, "-a", account],
            Self::CredentialManager => return Err(Self::unreachable(name, account)),
        };
        let output = self.ask(&arguments, "", (name, account))?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.says("changed", &String::from_utf8_lossy(&output.stderr)))
    }
}

/// How long the store's program may take where nobody can be asked for the keyring's password.
const UNATTENDED: Duration = Duration::from_secs(30);

/// How long it may take where somebody sits at a terminal and may have to type the password into a window.
const ATTENDED: Duration = Duration::from_mins(2);

/// Runs a program to its end, or stops it after so long (`TimedOut`).
fn output(command: &mut Command, input: &str, limit: Duration) -> std::io::Result<Output> {
    const GLANCE: Duration = Duration::from_millis(10);
    let until = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Threads, because a program that hangs neither reads nor ends what it writes.
    if let Some(mut stdin) = child.stdin.take() {
        let input = Secret::new(input);
        std::thread::spawn(move || {
            // A program that ends without reading says why itself.
            let _ = stdin.write_all(input.reveal().as_bytes());
        });
    }
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(GLANCE),
            Ok(None) => break Err(ErrorKind::TimedOut.into()),
            Err(error) => break Err(error),
        }
    };
    let status = match ended {
        Ok(status) => status,
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    let rest = |from: Receiver<std::io::Result<Vec<u8>>>| {
        let left = until.saturating_duration_since(Instant::now());
        from.recv_timeout(left.max(GLANCE))
            .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    };
    Ok(Output {
        status,
        stdout: rest(stdout)?,
        stderr: rest(stderr)?,
    })
}

/// Reads a pipe to its end, beside.
fn reader(pipe: Option<impl Read + Send + 'static>) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        // Nobody listens any more once it took too long.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

/// What Python's keyring has on its secrets, and older ones ask for: with it on ours, user-sync finds them. Whoever looks one
/// up here need not name it.
const MARK: (&str, &str) = ("application", "Python keyring");

/// A line for `security -i`: in the program's arguments everybody on the machine could read the secret.
fn keychain_line(name: &str, account: &str, secret: &Secret) -> Result<String, String> {
    if [name, account]
        .iter()
        .any(|text| text.contains(['\n', '\r', '\0']))
    {
        return Err("names and accounts in the keychain are of one line".to_owned());
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut line = format!(
        "add-generic-password -U -s {} -a {} -X ",
        quoted(name),
        quoted(account)
    );
    for byte in secret.reveal().bytes() {
        // Writing into a text cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_plain_names() {
        assert_eq!(
            variable_name("umapi_client.secret-1"),
            "ROSTER_SECRET_UMAPI_CLIENT_SECRET_1"
        );
    }

    #[test]
    fn the_environment_comes_first_and_the_folder_before_the_system() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("box"), "from the folder\n").unwrap();
        let stores = |variable: fn(&str) -> Option<String>| Stores {
            variable,
            folder: Some(folder.path().to_owned()),
            system: System::CredentialManager,
        };
        let both = stores(|name| (name == "ROSTER_SECRET_BOX").then(|| "from the environment".to_owned()));
        let (secret, place) = both.find("box", "ada").unwrap();
        assert_eq!(
            (secret.reveal(), place.as_str()),
            ("from the environment", "ROSTER_SECRET_BOX")
        );
        let none = stores(|_| None);
        assert_eq!(none.find("box", "ada").unwrap().0.reveal(), "from the folder");
        let missing = none.find("../box", "ada").err().unwrap();
        assert!(
            missing.contains("Credential Manager (`../box`, or `ada@../box`)"),
            "{missing}"
        );
        assert!(
            missing.contains("the variable ROSTER_SECRET____BOX may hold"),
            "{missing}"
        );
    }

    #[test]
    fn a_store_is_asked_for_what_python_writes() {
        let asked = System::SecretService.arguments("umapi", "1A@AdobeOrg");
        assert_eq!(asked, ["lookup", "service", "umapi", "username", "1A@AdobeOrg"]);
        let asked = System::Keychain.arguments("umapi", "1A@AdobeOrg");
        assert_eq!(
            asked,
            ["find-generic-password", "-s", "umapi", "-a", "1A@AdobeOrg", "-w"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_stopped_and_one_that_ends_says_what_it_says() {
        let sh = |script: &str, input: &str, limit| {
            output(
                Command::new("sh").args(["-c", script]),
                input,
                Duration::from_millis(limit),
            )
        };
        let said = sh("cat; echo no >&2; exit 3", "a secret", 60_000).unwrap();
        assert_eq!((said.stdout, said.status.code()), (b"a secret".to_vec(), Some(3)));
        assert_eq!(said.stderr, b"no\n");
        let began = Instant::now();
        // Also one that has left somebody behind who holds its output, and one that reads nothing of a long secret.
        let long = "x".repeat(1 << 20);
        for (script, input) in [
            ("exec sleep 60", ""),
            ("sleep 60 & exit 0", ""),
            ("exec sleep 60", &long),
        ] {
            let error = sh(script, input, 200).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{script}");
        }
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_keychain_is_told_on_a_line_of_its_own() {
        let line = keychain_line("a \"b\"", "CORP\\ada", &Secret::new("s'\n"));
        assert_eq!(
            line.unwrap(),
            "add-generic-password -U -s \"a \\\"b\\\"\" -a \"CORP\\\\ada\" -X 73270a\n"
        );
        assert!(keychain_line("a\nb", "x", &Secret::new("s")).is_err());
    }

    #[test]
    fn windows_is_refused_by_name_before_anything_is_stored() {
        let stores = Stores {
            variable: |_| None,
            folder: None,
            system: System::CredentialManager,
        };
        let why = stores.put("box", "ada", &Secret::new("s3cret")).unwrap_err();
        assert!(
            why.contains("Windows Credential Manager (`box`, or `ada@box`) cannot be reached"),
            "{why}"
        );
        assert!(stores.remove("box", "ada").is_err() && stores.in_system("box", "ada").is_err());
    }
}

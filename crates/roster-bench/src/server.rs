//! The program as it ships, in a process of its own: TLS by its local authority, the log of changes, all settings at
//! their defaults. (The default of `throttle` is `off`; nothing else has to be set for a measurement.)

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::client::Door;
use crate::people::{CLIENT, SECRET};

/// What the kernel counts processor time in, on every Linux.
const TICKS: f64 = 100.0;

/// How long a start may take before something is wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
pub(crate) struct Server {
    child: Child,
    process: PathBuf,
    data: PathBuf,
    address: String,
    /// From the start of the process to its line `READY`.
    pub(crate) started_in: f64,
}

/// Memory of a process, in MiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// All of it that is resident.
    pub(crate) resident: f64,
    /// What belongs to it alone: not the pages of files that it looks into.
    pub(crate) own: f64,
}

/// What a process that ends by itself used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Seconds.
    pub(crate) processor: f64,
    /// The most that was resident at once, in MiB.
    pub(crate) memory: f64,
}

impl Used {
    /// Looks at a child that nobody has waited for yet; whether it has ended.
    pub(crate) fn look(&mut self, id: u32) -> anyhow::Result<bool> {
        let file = |name: &str| {
            let path = format!("/proc/{id}/{name}");
            std::fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
        };
        let stat = file("stat")?;
        self.processor = processor(&stat)?;
        let most = mib(&file("status")?, "VmHWM:").unwrap_or_default();
        self.memory = self.memory.max(most);
        Ok(stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')))
    }
}

/// Seconds of a processor that `/proc/PID/stat` tells of.
fn processor(stat: &str) -> anyhow::Result<f64> {
    // The name before the last parenthesis may hold anything.
    let (_, numbers) = stat.rsplit_once(')').context("/proc/PID/stat has another form")?;
    let ticks = numbers
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<f64>)
        .sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
}

/// A line of `/proc/PID/status`; a process that has ended has none of these.
fn mib(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}

impl Server {
    /// Starts the program on a data folder and waits until it takes requests.
    pub(crate) async fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        let log = std::fs::File::create(data.with_extension("log"))?;
        let began = Instant::now();
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        // The settings of whoever runs this are not the defaults.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ROSTER_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let out = child.stdout.take().context("the server prints nowhere")?;
        let mut lines = BufReader::new(out).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.context("the server was not ready in time")??;
        let started_in = began.elapsed().as_secs_f64();
        let Some(address) = line
            .as_deref()
            .and_then(|line| line.strip_prefix("READY https://"))
        else {
            let log = data.with_extension("log");
            bail!(
                "the server is not ready but says {line:?}; its log is {}",
                log.display()
            );
        };
        let id = child.id().context("the server has ended")?;
        Ok(Self {
            child,
            process: PathBuf::from(format!("/proc/{id}")),
            data: data.to_owned(),
            address: address.to_owned(),
            started_in,
        })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The certificate of its authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.data.join("tls/ca.pem")
    }

    /// A way in, with a token.
    pub(crate) async fn door(&self) -> anyhow::Result<Door> {
        let door = Door::trusting(&self.address, &self.ca())?;
        Ok(door.with_token(CLIENT, &self.token().await?))
    }

    /// A token for the benchmark's integration.
    pub(crate) async fn token(&self) -> anyhow::Result<String> {
        let door = Door::trusting(&self.address, &self.ca())?;
        let form = format!("grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}");
        let mut connection = door.open().await?;
        let answer = connection
            .send(&door.request("POST", "/ims/token/v2", &form))
            .await?;
        let answer: Value = serde_json::from_slice(answer)?;
        let token = answer.get("access_token").and_then(Value::as_str);
        Ok(token.context("the answer holds no token")?.to_owned())
    }

    /// Processor seconds used so far.
    pub(crate) fn processor(&self) -> anyhow::Result<f64> {
        processor(&self.file("stat")?)
    }

    /// Memory in use.
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let status = self.file("status")?;
        let field =
            |name: &str| mib(&status, name).with_context(|| format!("/proc/PID/status has no {name}"));
        Ok(Memory {
            resident: field("VmRSS:")?,
            own: field("RssAnon:")?,
        })
    }

    fn file(&self, name: &str) -> anyhow::Result<String> {
        let path = self.process.join(name);
        std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read: this measures on Linux only", path.display()))
    }

    /// Stops it as an administrator would, and waits until it has ended.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().context("the server has ended by itself")?;
        let asked = Command::new("kill").arg(id.to_string()).status().await?;
        let ended = self.child.wait().await?;
        if !asked.success() || !ended.success() {
            bail!("the server ended with {ended}");
        }
        Ok(())
    }
}

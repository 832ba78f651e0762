//! What `roster sync` reads: files with the people of an organization, and an LDAP server with the same people.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::people::{CLIENT, ORG, Person, SECRET, directory_groups};

/// How many of all people are changed in a run with changes: one in so many.
pub(crate) const CHANGED: u64 = 100;

/// The password of the directory's administrator; nothing of it is secret.
const PASSWORD: &str = "of-the-benchmark";
/// Below it are the people.
pub(crate) const BASE: &str = "dc=bench";
/// Whom the directory's runs read.
pub(crate) const FILTER: &str = "(objectClass=inetOrgPerson)";
/// The main file of the configuration.
const MAIN: &str = "user-sync-config.yml";
/// How long the directory may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The files of a run in a folder of their own.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
}

impl Files {
    /// Makes them: configuration, a CSV file with all people as the organization has them, and one where one in
    /// [`CHANGED`] has another last name.
    pub(crate) fn make(folder: PathBuf, address: &str, people: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let files = Self { folder };
        std::fs::write(files.path(MAIN), main_file("{}", &directory_groups()))?;
        std::fs::write(
            files.path("connector-umapi.yml"),
            format!(
                "authentication_method: oauth\nserver: {{host: 'https://{address}', auth_host: 'https://{address}'}}\n\
                 enterprise: {{org_id: {ORG}, client_id: {CLIENT}, client_secret: {SECRET}}}\n"
            ),
        )?;
        files.csv("people.csv", people, |_| false)?;
        files.csv("changed.csv", people, is_changed)?;
        Ok(files)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn csv(&self, name: &str, people: u64, changed: impl Fn(u64) -> bool) -> anyhow::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(self.path(name))?);
        writeln!(out, "firstname,lastname,email,country,groups")?;
        for number in 0..people {
            let person = Person::new(number);
            let last = last_name(&person, changed(number).then_some("Csv"));
            writeln!(
                out,
                "{},{last},{},{},\"{}\"",
                person.first,
                person.email,
                person.country,
                person.groups().join(",")
            )?;
        }
        Ok(out.flush()?)
    }

    /// Requests that give those whom `changed.csv` names differently a third name, one body a line: ten commands each, as
    /// many as the run itself sends.
    pub(crate) fn requests(&self, people: u64) -> anyhow::Result<PathBuf> {
        let path = self.path("requests.json");
        let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
        let changed: Vec<u64> = (0..people).filter(|number| is_changed(*number)).collect();
        for ten in changed.chunks(10) {
            let commands: Vec<String> = ten
                .iter()
                .map(|number| {
                    let person = Person::new(*number);
                    let last = last_name(&person, Some("Floor"));
                    format!(
                        r#"{{"user":"{}","do":[{{"update":{{"lastname":"{last}"}}}}]}}"#,
                        person.email
                    )
                })
                .collect();
            writeln!(out, "[{}]", commands.join(","))?;
        }
        out.flush()?;
        Ok(path)
    }
}

fn is_changed(number: u64) -> bool {
    number.is_multiple_of(CHANGED)
}

fn last_name(person: &Person, other: Option<&str>) -> String {
    other.map_or_else(
        || person.last.to_owned(),
        |other| format!("{}-{other}", person.last),
    )
}

fn main_file(connectors: &str, groups: &[String]) -> String {
    let mut text = format!(
        "adobe_users: {{connectors: {{umapi: connector-umapi.yml}}}}\ndirectory_users:\n  \
         user_identity_type: federatedID\n  connectors: {connectors}\n  groups:{}\n",
        if groups.is_empty() { " []" } else { "" }
    );
    for name in groups {
        let _ = writeln!(text, "    - {{directory_group: {name}, adobe_groups: [{name}]}}");
    }
    text.push_str("limits: {max_adobe_only_users: 1}\n");
    text
}

/// OpenLDAP's server with the people in it; ends when it is dropped.
pub(crate) struct Ldap {
    process: Child,
    pub(crate) url: String,
}

impl Ldap {
    /// Fills a directory and serves it; `None` where slapd is not installed.
    pub(crate) fn start(files: &Files, people: u64) -> anyhow::Result<Option<Self>> {
        let Some(program) = installed() else {
            return Ok(None);
        };
        let folder = files.path("ldap");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(folder.join("db"))?;
        let config = folder.join("slapd.conf");
        std::fs::write(&config, configuration(&folder)?)?;
        let ldif = folder.join("people.ldif");
        entries(&ldif, people)?;
        let added = Command::new(&program)
            .args(["-T", "add", "-q", "-f"])
            .arg(&config)
            .arg("-l")
            .arg(&ldif)
            .output()?;
        if !added.status.success() {
            bail!("slapadd: {}", String::from_utf8_lossy(&added.stderr));
        }
        std::fs::remove_file(&ldif)?;
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let url = format!("ldap://127.0.0.1:{port}");
        let process = Command::new(&program)
            .arg("-f")
            .arg(&config)
            .args(["-d", "0", "-h", &format!("{url}/")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let ldap = Self { process, url };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if began.elapsed() > PATIENCE {
                bail!("slapd did not start");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        std::fs::write(files.path(MAIN), main_file("{ldap: connector-ldap.yml}", &[]))?;
        std::fs::write(
            files.path("connector-ldap.yml"),
            format!(
                "host: {}\nbase_dn: {BASE}\nusername: cn=admin,{BASE}\npassword: {PASSWORD}\n\
                 all_users_filter: {FILTER}\n\
                 group_filter_format: (&(objectClass=groupOfNames)(cn={{group}}))\n\
                 group_member_filter_format: (seeAlso={{group_dn}})\nsearch_page_size: {PAGE}\n",
                ldap.url
            ),
        )?;
        Ok(Some(ldap))
    }

    /// Who may read everything, and the password.
    pub(crate) fn administrator() -> (String, &'static str) {
        (format!("cn=admin,{BASE}"), PASSWORD)
    }
}

/// Entries in a page of a search.
pub(crate) const PAGE: i32 = 1000;

impl Drop for Ldap {
    fn drop(&mut self) {
        // It keeps nothing that anybody needs.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server, where it is installed.
pub(crate) fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/libexec", "/usr/lib/openldap"].map(PathBuf::from))
        .map(|folder| folder.join("slapd"))
        .find(|file| file.is_file())
}

fn configuration(folder: &Path) -> anyhow::Result<String> {
    let first = |paths: &[&str]| {
        let found = paths.iter().find(|path| Path::new(path).is_dir());
        found.map(|path| (*path).to_owned())
    };
    let schemas =
        first(&["/etc/ldap/schema", "/etc/openldap/schema"]).context("slapd's schemas are not there")?;
    let mut text = String::new();
    for schema in ["core", "cosine", "inetorgperson"] {
        let _ = writeln!(text, "include {schemas}/{schema}.schema");
    }
    if let Some(modules) = first(&["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap"]) {
        let _ = writeln!(text, "modulepath {modules}\nmoduleload back_mdb");
    }
    let at = folder.display();
    let _ = write!(
        text,
        "loglevel none\nthreads 2\nsizelimit unlimited\ndatabase mdb\nsuffix \"{BASE}\"\n\
         rootdn \"cn=admin,{BASE}\"\nrootpw {PASSWORD}\nmaxsize 2147483648\ndirectory {at}/db\nindex objectClass eq\n"
    );
    Ok(text)
}

fn entries(path: &Path, people: u64) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    write!(
        out,
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: bench\no: Benchmark\n\n"
    )?;
    for number in 0..people {
        let person = Person::new(number);
        write!(
            out,
            "dn: uid={number},{BASE}\nobjectClass: inetOrgPerson\nobjectClass: extensibleObject\nuid: {number}\n\
             cn: {first} {last}\ngivenName: {first}\nsn: {last}\nmail: {mail}\nc: {country}\n\n",
            first = person.first,
            last = person.last,
            mail = person.email,
            country = person.country
        )?;
    }
    Ok(out.flush()?)
}

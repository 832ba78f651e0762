//! OpenLDAP's server with a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::pass_over;

/// The password of `cn=admin,dc=x`.
pub(crate) const PASSWORD: &str = "gate-keeper";

/// What a directory is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made<'m> {
    pub(crate) ldif: &'m str,
    /// The most entries of one answer.
    pub(crate) size_limit: &'m str,
    /// More for its configuration, in front of the database; `@` stands for its folder.
    pub(crate) options: &'m str,
}

/// A server that runs until it is dropped.
pub(crate) struct Slapd {
    folder: TempDir,
    process: Child,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
}

impl Slapd {
    /// Starts one with `ldif` in it, whose first entry is the suffix `dc=x`; `None` where there is no slapd.
    pub(crate) fn start(ldif: &str) -> Option<Self> {
        Self::start_with(Made {
            ldif,
            size_limit: "unlimited",
            options: "",
        })
    }

    pub(crate) fn start_with(made: Made<'_>) -> Option<Self> {
        let Some(program) = program() else {
            pass_over("tests of LDAP need OpenLDAP's server, slapd");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("db")).unwrap();
        certificates(folder.path());
        std::fs::write(
            folder.path().join("slapd.conf"),
            configuration(folder.path(), made),
        )
        .unwrap();
        let suffix = "dn: dc=x\nobjectClass: dcObject\nobjectClass: organization\ndc: x\no: X\n\n";
        std::fs::write(folder.path().join("load.ldif"), format!("{suffix}{}", made.ldif)).unwrap();
        let output = Command::new(&program)
            .args(["-T", "add", "-q", "-f"])
            .arg(folder.path().join("slapd.conf"))
            .arg("-l")
            .arg(folder.path().join("load.ldif"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "slapadd: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        // A port that was free a moment ago may be taken by the time the server asks for it.
        for _ in 0..3 {
            let (port, tls_port) = (free_port(), free_port());
            let mut process = Command::new(&program)
                .arg("-f")
                .arg(folder.path().join("slapd.conf"))
                .args(["-d", "0", "-h"])
                .arg(format!("ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            for _ in 0..400 {
                if process.try_wait().unwrap().is_some() {
                    break;
                }
                if [port, tls_port]
                    .iter()
                    .all(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok())
                {
                    return Some(Self {
                        folder,
                        process,
                        port,
                        tls_port,
                    });
                }
                std::thread::sleep(Duration::from_millis(25));
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("slapd did not start");
    }

    /// A file of its folder: `ca.pem` is the authority that issued its certificate and `client.pem`, `other.pem` one that
    /// issued `stranger.pem`; the keys end in `.key`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the directory, entries that refer elsewhere included.
    pub(crate) fn change(&self, ldif: &str) {
        let file = self.file("change.ldif");
        std::fs::write(&file, ldif).unwrap();
        let output = Command::new("ldapmodify")
            .args(["-x", "-M", "-D", "cn=root,dc=x", "-w", "root", "-H"])
            .arg(format!("ldap://127.0.0.1:{}", self.port))
            .arg("-f")
            .arg(file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ldapmodify: {said}");
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// The connector file of a run that binds as the administrator, with `more` in it.
    pub(crate) fn connector(&self, more: &str) -> String {
        format!(
            "host: ldap://localhost:{}\nbase_dn: dc=x\nusername: cn=admin,dc=x\npassword: {PASSWORD}\n\
             all_users_filter: (objectClass=inetOrgPerson)\n\
             group_filter_format: (&(objectClass=groupOfNames)(cn={{group}}))\n{more}",
            self.port
        )
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/libexec", "/usr/lib/openldap"].map(PathBuf::from))
        .map(|folder| folder.join("slapd"))
        .find(|file| file.is_file())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn configuration(folder: &Path, made: Made<'_>) -> String {
    let Made {
        size_limit, options, ..
    } = made;
    let first = |paths: &[&str]| {
        paths
            .iter()
            .find(|path| Path::new(path).is_dir())
            .map(|path| (*path).to_owned())
    };
    let schemas = first(&["/etc/ldap/schema", "/etc/openldap/schema"]).expect("slapd has schemas");
    let modules = first(&["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap"]);
    let mut lines: Vec<String> = ["core", "cosine", "nis", "inetorgperson"]
        .map(|name| format!("include {schemas}/{name}.schema"))
        .to_vec();
    if let Some(modules) = modules {
        lines.push(format!("modulepath {modules}"));
        lines.push("moduleload back_mdb".to_owned());
        lines.push("moduleload memberof".to_owned());
    }
    let at = folder.display();
    lines.push(format!(
        "loglevel none\nthreads 4\nsizelimit {size_limit}\n\
         TLSCACertificateFile {at}/ca.pem\nTLSCertificateFile {at}/server.pem\nTLSCertificateKeyFile {at}/server.key\n\
         {}\n\
         database mdb\nsuffix \"dc=x\"\nrootdn \"cn=root,dc=x\"\nrootpw root\nmaxsize 268435456\ndirectory {at}/db\nindex objectClass eq\n\
         overlay memberof\nmemberof-group-oc groupOfNames\nmemberof-member-ad member\nmemberof-memberof-ad memberOf\n",
        options.replace('@', &at.to_string())
    ));
    lines.join("\n")
}

/// `ca.pem` issued `server.pem` for `localhost`, `nameless.pem` for no name, and `client.pem`; `other.pem` issued `stranger.pem`.
pub(crate) fn certificates(folder: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        Issuer::new(params, key)
    };
    let issue = |name: &str, host: Option<&str>, issuer: &Issuer<'_, KeyPair>| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(host.map(str::to_owned).into_iter().collect::<Vec<_>>())
            .unwrap()
            .signed_by(&key, issuer)
            .unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    };
    let (ca, other) = (authority("ca"), authority("other"));
    issue("server", Some("localhost"), &ca);
    issue("nameless", None, &ca);
    issue("client", Some("client"), &ca);
    issue("stranger", Some("stranger"), &other);
}

/// An entry of a person, with the groups they are in.
pub(crate) fn person(name: &str, groups: &[&str]) -> String {
    let member_of = lines("memberOf", groups);
    format!(
        "dn: uid={name},dc=x\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: Lee\ngivenName: {name}\n\
         mail: {name}@x.com\n{member_of}\n"
    )
}

/// An entry of a group.
pub(crate) fn group(dn: &str, name: &str, members: &[&str]) -> String {
    let members = lines("member", members);
    format!("dn: {dn}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
}

fn lines(attribute: &str, values: &[&str]) -> String {
    let lines: Vec<String> = values
        .iter()
        .map(|value| format!("{attribute}: {value}\n"))
        .collect();
    lines.concat()
}

/// The entry that runs bind as.
pub(crate) fn admin() -> String {
    format!(
        "dn: cn=admin,dc=x\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: admin\n\
         userPassword: {PASSWORD}\n\n"
    )
}

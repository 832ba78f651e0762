//! `roster sync` with Kerberos against an Active Directory, its tickets from where the connector file says. Beside
//! `scripts/with-samba.sh`, and built with the feature `gssapi`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{CLIENT, ORG, SECRET, Server, connector, describe};

/// The folder and the address of the directory.
fn directory() -> Option<(PathBuf, String)> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = variable("ROSTER_TEST_SAMBA").zip(variable("ROSTER_TEST_SAMBA_ADDRESS"));
    if found.is_none() {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none_or(|value| value != "1"),
            "tests of Kerberos want scripts/with-samba.sh around them, and ROSTER_TEST_ALL=1 asks for all tests"
        );
        eprintln!("passed over: tests of Kerberos want scripts/with-samba.sh around them");
    }
    found.map(|(folder, address)| (PathBuf::from(folder), address))
}

/// `roster sync check` with a connector file that has `more` in it, in an environment without tickets but for `with`.
fn check(place: &Path, (samba, address): &(PathBuf, String), more: &str, with: &[(&str, &str)]) -> Output {
    let ca = samba.join("ca.pem");
    fs::write(
        place.join("ldap.yml"),
        format!(
            "host: ldaps://{address}\nbase_dn: dc=corp,dc=example\nauthentication_method: kerberos\n\
             require_tls_cert: true\ntls_ca_file: {}\n{more}",
            ca.display()
        ),
    )
    .unwrap();
    Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["sync", "check", "--users", "mapped", "--process-groups", "-c"])
        .arg(place.join("main.yml"))
        .env("ROSTER_STATE_DIR", place)
        .env_remove("KRB5CCNAME")
        .env_remove("KRB5_CLIENT_KTNAME")
        .envs(with.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn kerberos_takes_tickets_from_where_the_connector_file_says() {
    let Some(directory) = directory() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    describe(place, &place.join("data"));
    let server = Server::start(&place.join("data"));
    fs::write(
        place.join("main.yml"),
        "adobe_users: {connectors: {umapi: umapi.yml}}\ndirectory_users:\n  user_identity_type: federatedID\n  default_country_code: DE\n  \
         connectors: {ldap: ldap.yml}\n  groups:\n    - {directory_group: Painters, adobe_groups: [Plain]}\n\
         limits: {max_adobe_only_users: 5}\n",
    )
    .unwrap();
    fs::write(
        place.join("umapi.yml"),
        connector(
            &server.address,
            &format!("enterprise:\n  org_id: {ORG}\n  client_id: '{CLIENT}'\n  client_secret: {SECRET}\n"),
        ),
    )
    .unwrap();
    for name in ["reader.keytab", "reader.ccache"] {
        fs::copy(directory.0.join(name), place.join(name)).unwrap();
    }
    let default = format!("FILE:{}", place.join("default.ccache").display());
    let keytab = "kerberos_keytab: reader.keytab\n";
    for more in [
        keytab,
        "kerberos_keytab: reader.keytab\nkerberos_principal: reader\nsasl_realm: CORP.EXAMPLE\n",
        "kerberos_ccache: reader.ccache\n",
        "kerberos_ccache: reader.ccache\nkerberos_principal: reader@CORP.EXAMPLE\n",
        "kerberos_keytab: reader.keytab\nkerberos_ccache: new.ccache\n",
    ] {
        let output = check(place, &directory, more, &[("KRB5CCNAME", &default)]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{more}: {said}");
        assert!(said.contains("directory group 'Painters': 1 member"), "{said}");
        // It is one run, and one start in its log.
        assert_eq!(said.matches("a run would do this").count(), 1, "{said}");
    }
    assert!(place.join("new.ccache").exists(), "the keytab's ticket is kept");
    assert!(
        !place.join("default.ccache").exists(),
        "other programs' tickets are left alone"
    );

    let nobody = "kerberos_principal: nobody@CORP.EXAMPLE\n";
    for (more, parts) in [
        ("", &["`klist` shows whether there is a ticket"][..]),
        (
            &format!("{keytab}{nobody}"),
            &[
                "as `nobody@CORP.EXAMPLE`",
                "`kerberos_keytab`",
                "check `kerberos_principal`",
            ],
        ),
        (
            &format!("kerberos_ccache: reader.ccache\n{nobody}"),
            &[
                "as `nobody@CORP.EXAMPLE`",
                "`kerberos_ccache`",
                "check `kerberos_principal`",
            ],
        ),
        (
            &format!("{keytab}sasl_realm: OTHER.EXAMPLE\n"),
            &["ldap/dc1.corp.example@OTHER.EXAMPLE"],
        ),
    ] {
        let output = check(place, &directory, more, &[("KRB5CCNAME", &default)]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(4), "{more}: {said}");
        for part in ["[ldap-connection]"].iter().chain(parts) {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let output = check(place, &directory, "kerberos_keytab: none.keytab\n", &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("ldap.yml:6: In setting `kerberos_keytab`: No such file"),
        "{said}"
    );
}

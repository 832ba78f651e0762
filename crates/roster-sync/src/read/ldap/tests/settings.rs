//! The settings file as `roster sync init` writes it, and where the password may be.

use crate::config::credential::tests::One;
use crate::config::section::{Problems, switched_on};
use crate::config::yaml;
use crate::read::ldap::settings::{Login, Settings};

const EXAMPLE: &str = include_str!("../../../../../roster/src/command/sync/examples/connector-ldap.yml");

/// What is read, and what is said; the store knows the password `box` of `cn=reader`.
fn read(text: &str) -> (Option<Settings>, Vec<String>) {
    let problems = Problems::default();
    let node = yaml::parse(text, "ldap.yml").unwrap();
    let store = One("box", "cn=reader", "s3cret");
    let settings = Settings::read(&node, true, &store, &problems);
    let said = problems.into_list();
    (settings, said.iter().map(ToString::to_string).collect())
}

#[test]
fn the_example_is_right_with_everything_in_it_switched_on() {
    let two_steps = ["two_steps_lookup", "group_member_attribute_name", "nested_group"];
    let nested = "group_member_filter_format";
    // Files that are not there, and what only another login has.
    let others = [
        "secure_password_key",
        "tls_ca_file",
        "client_cert",
        "client_key",
        "kerberos_principal",
        "kerberos_keytab",
        "kerberos_ccache",
        "sasl_realm",
    ];
    let one_step = switched_on(EXAMPLE, &[&others[..], &[nested], &two_steps].concat());
    let (settings, said) = read(&one_step);
    assert!(settings.is_some() && said.is_empty(), "{said:?}");

    let lines: Vec<&str> = EXAMPLE.lines().filter(|line| !line.starts_with(nested)).collect();
    let without = lines.join("\n");
    let (settings, said) = read(&switched_on(&without, &[&others[..], &[nested]].concat()));
    assert!(settings.is_some() && said.is_empty(), "{said:?}");
}

#[test]
fn the_password_may_be_kept_elsewhere_under_the_name_of_the_user() {
    let file = |more: &str| {
        format!(
            "host: ldaps://x\nbase_dn: dc=x\nusername: cn=reader\ndynamic_group_member_attribute: m\n{more}\n"
        )
    };
    let (settings, said) = read(&file("secure_password_key: box"));
    assert!(said.is_empty(), "{said:?}");
    assert!(
        matches!(&settings.unwrap().login, Login::Simple { password, .. } if password.reveal() == "s3cret")
    );
    for (more, says) in [
        ("secure_password_key: another", "no `another` of `cn=reader`"),
        (
            "secure_password_key: box\npassword: open",
            "both `password` and `secure_password_key`",
        ),
        ("", "`password`"),
    ] {
        let (settings, said) = read(&file(more));
        assert!(settings.is_none(), "{more}");
        assert!(said.iter().any(|line| line.contains(says)), "{more}: {said:?}");
    }
}

#[test]
fn what_says_whose_ticket_is_used_goes_with_kerberos_alone() {
    for key in [
        "sasl_realm",
        "kerberos_principal",
        "kerberos_keytab",
        "kerberos_ccache",
    ] {
        let (settings, said) = read(&format!(
            "host: ldaps://x\nbase_dn: dc=x\ndynamic_group_member_attribute: m\n{key}: reader\n"
        ));
        assert!(settings.is_none(), "{key}");
        assert_eq!(
            said,
            [format!(
                "ldap.yml:4: `{key}` goes with `authentication_method: kerberos`, not with `simple` [ldap-credentials-not-wanted]"
            )]
        );
    }
}

#[test]
fn a_login_is_tied_to_the_connection_unless_that_is_off() {
    let file =
        |more: &str| format!("host: ldaps://x\nbase_dn: dc=x\ndynamic_group_member_attribute: m\n{more}");
    for (more, bound) in [
        ("", true),
        ("channel_binding: auto\n", true),
        // YAML takes the word for a truth value.
        ("channel_binding: off\n", false),
        ("channel_binding: 'off'\n", false),
    ] {
        let (settings, said) = read(&file(more));
        let security = settings.unwrap_or_else(|| panic!("{said:?}")).security;
        let to = security.bound_to(Some(b"certificate"));
        assert_eq!(to.is_some(), bound, "{more}");
        assert_eq!(security.bound_to(None), None, "there is none in clear");
    }
    let (_, said) = read(&file("channel_binding: on\n"));
    assert_eq!(
        said,
        ["ldap.yml:4: `channel_binding` is one of auto, off, not `on` [ldap-unknown-word]"]
    );
}

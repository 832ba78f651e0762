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
    let others = ["secure_password_key", "tls_ca_file", "client_cert", "client_key"];
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

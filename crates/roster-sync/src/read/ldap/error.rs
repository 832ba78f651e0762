//! What went wrong with a directory, for people: where, what was tried, what was answered, what helps.

use std::fmt::Write as _;

use crate::read::ReadError;
use crate::read::ldap::message::Outcome;
use crate::read::ldap::wire::WireError;

/// Why a directory could not be read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The run was asked to stop.
    Stopped,
    /// A connection broke, or was not to be had: a new one may do.
    Broken {
        error: ReadError,
        /// What to check where no new one is made.
        advice: &'static str,
    },
    /// Something that has to be said.
    Told(ReadError),
}

impl Failure {
    /// What has to be said; nothing when the run was asked to stop.
    pub(crate) fn told(&self) -> Option<ReadError> {
        match self {
            Self::Stopped => None,
            Self::Broken { error, advice } => Some(ReadError {
                key: error.key,
                message: format!("{}; {advice}", error.message),
            }),
            Self::Told(error) => Some(error.clone()),
        }
    }
}

/// The names of result codes (RFC 4511, appendix A).
const CODES: [(i32, &str); 29] = [
    (1, "operationsError"),
    (2, "protocolError"),
    (3, "timeLimitExceeded"),
    (4, "sizeLimitExceeded"),
    (7, "authMethodNotSupported"),
    (8, "strongerAuthRequired"),
    (10, "referral"),
    (11, "adminLimitExceeded"),
    (12, "unavailableCriticalExtension"),
    (13, "confidentialityRequired"),
    (14, "saslBindInProgress"),
    (16, "noSuchAttribute"),
    (17, "undefinedAttributeType"),
    (18, "inappropriateMatching"),
    (19, "constraintViolation"),
    (21, "invalidAttributeSyntax"),
    (32, "noSuchObject"),
    (33, "aliasProblem"),
    (34, "invalidDNSyntax"),
    (36, "aliasDereferencingProblem"),
    (48, "inappropriateAuthentication"),
    (49, "invalidCredentials"),
    (50, "insufficientAccessRights"),
    (51, "busy"),
    (52, "unavailable"),
    (53, "unwillingToPerform"),
    (54, "loopDetect"),
    (71, "affectsMultipleDSAs"),
    (80, "other"),
];

pub(crate) const REFERRAL: i32 = 10;
pub(crate) const NO_SUCH_OBJECT: i32 = 32;
const INVALID_DN_SYNTAX: i32 = 34;
pub(crate) const UNAVAILABLE_CRITICAL_EXTENSION: i32 = 12;
pub(crate) const SASL_BIND_IN_PROGRESS: i32 = 14;
const STRONGER_AUTH_REQUIRED: i32 = 8;
const BUSY: i32 = 51;
const UNAVAILABLE: i32 = 52;

/// What a server answered: code, name, its own words.
pub(crate) fn answer(outcome: &Outcome) -> String {
    let name = CODES.iter().find(|(code, _)| *code == outcome.code);
    let name = name.map_or("a code of its own", |(_, name)| name);
    let mut said = format!("{name} ({})", outcome.code);
    if !outcome.diagnostic.is_empty() {
        let words: String = outcome.diagnostic.chars().take(300).collect();
        let _ = write!(said, ": `{words}`");
    }
    if let Some(there) = outcome.referrals.first() {
        let _ = write!(said, ", and names {there}");
    }
    said
}

/// What to check after an answer.
fn advice(outcome: &Outcome) -> &'static str {
    // Active Directory says in a number of its own what is wrong with a login.
    const ACTIVE_DIRECTORY: [(&str, &str); 8] = [
        ("data 525", "there is no such user: check `username`"),
        // Also for a name that nobody has.
        (
            "data 52e",
            "the name or the password is wrong: check `username` and `password`",
        ),
        ("data 530", "this user may not log in at this hour"),
        ("data 531", "this user may not log in from this machine"),
        ("data 532", "the password has expired"),
        ("data 533", "the account is disabled"),
        ("data 701", "the account has expired"),
        ("data 775", "the account is locked"),
    ];
    let words = &outcome.diagnostic;
    if outcome.code == 49 {
        let known = ACTIVE_DIRECTORY.iter().find(|(mark, _)| words.contains(mark));
        return known.map_or("check `username` and `password`", |(_, advice)| advice);
    }
    match outcome.code {
        1 if words.contains("successful bind") || words.contains("without authentication") => {
            "the server tells nothing to anonymous clients: set `username` and `password`"
        }
        3 | 11 => "the server's limits are too low for this directory: raise them for this user",
        4 => {
            "the server's size limit cuts the answer off: raise it for this user, or let the server answer in pages with `search_page_size`"
        }
        STRONGER_AUTH_REQUIRED | 13 => {
            "the server wants encryption: use `ldaps://` in `host`, or `require_tls_cert: true` for StartTLS"
        }
        10 => {
            "this server does not hold that part of the directory: name the one that does in `host`, or set `referrals: follow`"
        }
        12 => "set `search_page_size: 0` for a server that does not answer in pages",
        32 | 34 => "check `base_dn`, and `user_base_dn` and `group_base_dn` where they are set",
        7 | 48 => "check `authentication_method`",
        50 => "give the user of `username` the right to read there",
        BUSY | UNAVAILABLE => "try again later",
        _ => "the server's log says more",
    }
}

/// Something that ended before people were asked for.
pub(crate) fn connection(host: &str, tried: &str, error: &WireError, advice: &'static str) -> Failure {
    match error {
        WireError::Stopped => Failure::Stopped,
        error if error.may_pass() => unconnected(host, &format!("{tried}: {error}"), advice),
        error => connection_text(host, &format!("{tried}: {error}; {advice}")),
    }
}

/// A connection that was not to be had, which may be otherwise in a moment.
pub(crate) fn unconnected(host: &str, what: &str, advice: &'static str) -> Failure {
    Failure::Broken {
        error: no_connection(host, what),
        advice,
    }
}

/// As [`connection`], with the words ready.
pub(crate) fn connection_text(host: &str, what: &str) -> Failure {
    Failure::Told(no_connection(host, what))
}

fn no_connection(host: &str, what: &str) -> ReadError {
    ReadError {
        key: "ldap-connection",
        message: format!("LDAP connection failure: {host}: {what}"),
    }
}

/// A refusal before people were asked for. `over_tls` is whether the connection is encrypted already.
pub(crate) fn refused_connection(host: &str, tried: &str, outcome: &Outcome, over_tls: bool) -> Failure {
    let answer = answer(outcome);
    if matches!(outcome.code, BUSY | UNAVAILABLE) {
        let what = format!("{tried} was answered with {answer}");
        return unconnected(host, &what, "hint: try again later");
    }
    let advice = if outcome.code == REFERRAL {
        // `referrals: follow` is about searches.
        "log in at the server that it names: put that one into `host`"
    } else if outcome.code == INVALID_DN_SYNTAX {
        "check `username`: this server wants a whole name there, as in `cn=reader,dc=example,dc=com`"
    } else if outcome.code == STRONGER_AUTH_REQUIRED && over_tls {
        "the server does not take this kind of login over TLS: use `authentication_method: simple`, or `kerberos` with `ldap://` in \
         `host`, which encrypts by itself; Samba takes it with `ldap server require strong auth = allow_sasl_over_tls` in its smb.conf"
    } else {
        advice(outcome)
    };
    connection_text(
        host,
        &format!("{tried} was answered with {answer}; hint: {advice}"),
    )
}

/// A connection that broke while people were read.
pub(crate) fn broken(host: &str, tried: &str, error: &WireError) -> Failure {
    const ADVICE: &str = "try again; if that lasts, the server's log says more";
    match error {
        WireError::Stopped => Failure::Stopped,
        error if error.may_pass() => Failure::Broken {
            error: not_read(host, &format!("{tried}: {error}")),
            advice: ADVICE,
        },
        error => failed(host, &format!("{tried}: {error}; {ADVICE}")),
    }
}

/// A refusal while people were read.
pub(crate) fn refused(host: &str, tried: &str, outcome: &Outcome) -> Failure {
    let (answer, advice) = (answer(outcome), advice(outcome));
    failed(
        host,
        &format!("{tried} was answered with {answer}; hint: {advice}"),
    )
}

/// Another server that `from` has named and that could not be asked, and why; it has all of the answer (`whole`) or a part.
pub(crate) fn unfollowed(from: &str, tried: &str, url: Option<&str>, whole: bool, why: &str) -> Failure {
    let there = url.map(|url| format!(", `{url}`,")).unwrap_or_default();
    let (what, rest) = if whole {
        (
            "the answer is at another server",
            "Name a server that has it in `host`",
        )
    } else {
        (
            "a part of the answer is at another server",
            "Without it the directory would be read in part, so it is not acted on; with `referrals: ignore` in place of \
             `follow` whoever is there is left out",
        )
    };
    Failure::Told(ReadError {
        key: "ldap-referral",
        message: format!(
            "Unexpected LDAP failure reading {from}: {tried}: {what}{there} which cannot be followed to: {why}. {rest}"
        ),
    })
}

/// Anything else that went wrong while people were read.
pub(crate) fn failed(host: &str, what: &str) -> Failure {
    Failure::Told(not_read(host, what))
}

fn not_read(host: &str, what: &str) -> ReadError {
    ReadError {
        key: "ldap-read-failure",
        message: format!("Unexpected LDAP failure reading {host}: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_where_what_and_what_helps() {
        let outcome = |code, words: &str| Outcome {
            code,
            diagnostic: words.to_owned(),
            referrals: Vec::new(),
            token: None,
        };
        let said = |failure: Failure| failure.told().expect("nobody asked to stop").to_string();
        assert_eq!(
            said(refused(
                "ldap://dc1",
                "the search `(a=b)` below `dc=x`",
                &outcome(4, "")
            )),
            "Unexpected LDAP failure reading ldap://dc1: the search `(a=b)` below `dc=x` was answered with \
             sizeLimitExceeded (4); hint: the server's size limit cuts the answer off: raise it for this user, or let the \
             server answer in pages with `search_page_size` [ldap-read-failure]"
        );
        let words = "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 775, v4563";
        let locked = said(refused_connection(
            "ldap://dc1",
            "binding as `x`",
            &outcome(49, words),
            false,
        ));
        assert!(
            locked.contains("the account is locked") && locked.ends_with("[ldap-connection]"),
            "{locked}"
        );
        assert_eq!(answer(&outcome(4242, "?")), "a code of its own (4242): `?`");
        // Only searches follow.
        let referred = said(refused_connection(
            "ldap://dc1",
            "binding as `x`",
            &outcome(10, ""),
            false,
        ));
        assert!(
            referred.contains("put that one into `host`") && !referred.contains("referrals"),
            "{referred}"
        );
        let bound = |code, words, over_tls| {
            let failure =
                refused_connection("ldaps://dc1", "binding as `x`", &outcome(code, words), over_tls);
            said(failure)
        };
        // Active Directory says so of names that it does not know as well.
        let unknown = bound(49, "AcceptSecurityContext error, data 52e, v1", true);
        assert!(unknown.contains("the name or the password is wrong"), "{unknown}");
        let in_clear = bound(8, "", false);
        assert!(in_clear.contains("`ldaps://` in `host`"), "{in_clear}");
        let over_tls = bound(8, "", true);
        assert!(
            over_tls.contains("`authentication_method: simple`")
                && over_tls.contains("allow_sasl_over_tls")
                && !over_tls.contains("use `ldaps://`"),
            "{over_tls}"
        );
        let referred = said(refused("ldap://dc1", "the search", &outcome(10, "")));
        assert!(referred.contains("`referrals: follow`"), "{referred}");
    }

    #[test]
    fn a_server_that_cannot_be_followed_to_is_told_with_what_helps_there() {
        let said = |url, whole| {
            let failure = unfollowed("ldap://dc1", "the search", url, whole, "it is away");
            failure.told().expect("nobody asked to stop").message
        };
        let part = said(Some("ldap://dc2"), false);
        assert!(
            part.contains("a part of the answer is at another server, `ldap://dc2`, which cannot be followed to: it is away.")
                && part.contains("`referrals: ignore`"),
            "{part}"
        );
        // To leave out all of an answer would be an error as well.
        let whole = said(None, true);
        assert!(
            whole.contains("the answer is at another server which cannot be followed to: it is away.")
                && whole.contains("`host`")
                && !whole.contains("referrals"),
            "{whole}"
        );
    }
}

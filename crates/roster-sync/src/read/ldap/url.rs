//! Where a server says that the rest is: `ldap://host:port/dn?attributes?scope?filter` (RFC 4516).

use std::str::FromStr as _;

use percent_encoding::percent_decode_str;

use crate::read::ldap::host::{Host, Scheme};
use crate::read::ldap::message::Scope;

/// Another server, and what to ask there in place of what was asked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct There {
    pub(crate) host: Host,
    pub(crate) base: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) filter: Option<String>,
}

impl There {
    /// Takes a URL apart; for one that cannot be used, why.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (server, rest) = match url.split_once("://").map(|(_, rest)| rest) {
            None => return Err("is no address of a server".to_owned()),
            Some(behind) => match behind.split_once('/') {
                None => (url, ""),
                Some((_, rest)) => (url.strip_suffix(rest).unwrap_or(url), rest),
            },
        };
        let host = Host::from_str(server).map_err(|error| error.to_string())?;
        if host.scheme == Scheme::Ldapi {
            return Err("is a socket of the other machine".to_owned());
        }
        let text = |part: &str| {
            let decoded = percent_decode_str(part).decode_utf8();
            decoded
                .map(|text| Some(text.into_owned()).filter(|text| !text.is_empty()))
                .map_err(|_| "is not UTF-8".to_owned())
        };
        let mut parts = rest.split('?');
        let base = text(parts.next().unwrap_or_default())?;
        let _attributes = parts.next();
        let scope = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" => None,
            "base" => Some(Scope::Base),
            "one" => Some(Scope::Children),
            "sub" => Some(Scope::Subtree),
            other => return Err(format!("has the scope `{other}`, which is not known")),
        };
        let filter = text(parts.next().unwrap_or_default())?;
        // Extensions with this mark have to be heeded, and we know none.
        if parts
            .next()
            .unwrap_or_default()
            .split(',')
            .any(|name| name.starts_with('!'))
        {
            return Err("has an extension that is not known".to_owned());
        }
        Ok(Self {
            host,
            base,
            scope,
            filter,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let there = There::parse("ldap://b.x:390/ou=R%26D,dc=x??base?(uid=a%20b)").unwrap();
        assert_eq!(there.host.to_string(), "ldap://b.x:390");
        assert_eq!(there.base.as_deref(), Some("ou=R&D,dc=x"));
        assert_eq!(
            (there.scope, there.filter.as_deref()),
            (Some(Scope::Base), Some("(uid=a b)"))
        );
        for url in ["ldaps://b.x", "ldaps://b.x/", "ldaps://b.x/??"] {
            let there = There::parse(url).unwrap();
            assert_eq!(there.host.to_string(), "ldaps://b.x:636", "{url}");
            assert_eq!(
                (there.base, there.scope, there.filter),
                (None, None, None),
                "{url}"
            );
        }
    }

    #[test]
    fn what_cannot_be_followed_says_why() {
        for (url, why) in [
            ("nowhere", "no address"),
            ("http://b.x/dc=x", "begins with neither"),
            ("ldap:///dc=x", "names no server"),
            ("ldapi://%2Frun%2Fldapi/dc=x", "socket"),
            ("ldap://b.x/dc=x??all", "`all`"),
            ("ldap://b.x/dc=%ff", "not UTF-8"),
            ("ldap://b.x/dc=x????!bindname=cn=a", "extension"),
        ] {
            let said = There::parse(url).unwrap_err();
            assert!(said.contains(why), "{url}: {said}");
        }
    }
}

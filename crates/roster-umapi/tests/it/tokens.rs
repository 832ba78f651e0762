//! The token endpoints: what they take, what they answer, and the rules on a JWT's claims.

use std::time::Duration;

use expect_test::expect;
use roster_umapi::form;
use roster_umapi::token::claims::{scopes_of_metascopes, validation_answer};
use roster_umapi::token::jwt::{Accepted, Expected, JwtClaims};
use roster_umapi::token::secrets::{Moment, Secret, Usage, created_answer, list_answer};
use roster_umapi::token::{
    Claims, ClientCredentials, Exchange, Invalid, Parameters, PublicKey, Revocation, TokenError, Validation,
    client_credentials_answer, discovery_answer, exchange_answer, keys_answer,
};

fn text(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

fn parameters(body: &str, query: &str) -> Parameters {
    Parameters::new(form::parse(body.as_bytes()), form::parse(query.as_bytes()))
}

/// R302, R303: three places, the body first, the first of several; Basic last.
#[test]
fn parameters_come_from_three_places_in_order() {
    let both = parameters(
        "client_id=a&client_id=b&client_secret=",
        "client_id=c&client_secret=d&scope=e",
    );
    let request = ClientCredentials::of(&both);
    assert_eq!((request.client_id, request.client_secret), (Some("a"), None));
    let basic = parameters("client_id=a", "").with_basic("b", "secret");
    let request = ClientCredentials::of(&basic);
    assert_eq!(
        (request.client_id, request.client_secret),
        (Some("a"), Some("secret"))
    );
    let query = parameters("", "client_id=a&client_secret=b&jwt_token=x.y.z");
    let request = Exchange::of(&query);
    assert_eq!(
        (request.client_id, request.client_secret, request.jwt_token),
        (Some("a"), Some("b"), Some("x.y.z"))
    );
    let request = Revocation::of(&query);
    assert_eq!((request.client_id, request.token), (Some("a"), None));
}

/// R307: what is printed of parameters holds no values.
#[test]
fn parameters_show_no_secrets() {
    assert_eq!(
        format!("{:?}", parameters("client_secret=p8e-x", "")),
        "[\"client_secret\"]"
    );
}

#[test]
fn forms_are_read_leniently() {
    let pairs = |form: &str| form::parse(form.as_bytes());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        pairs("a=1=2&&b&=c&%61=%+x%zz"),
        [
            pair("a", "1=2"),
            pair("b", ""),
            pair("", "c"),
            pair("a", "% x%zz")
        ]
    );
    assert_eq!(form::parse(b"a=\xff%ff"), [pair("a", "\u{fffd}\u{fffd}")]);
}

/// R310, R311: commas, blanks or both, escaped or not; nothing asked for is everything granted.
#[test]
fn scopes_are_split_and_held_to_the_grant() {
    let granted = ["user_management_sdk".to_owned(), "extra".to_owned()];
    let scopes = |scope: &str| {
        let parameters = Parameters::new(vec![("scope".to_owned(), scope.to_owned())], Vec::new());
        ClientCredentials::of(&parameters)
            .scopes(&granted)
            .map(|scopes| scopes.join(" "))
    };
    for scope in [
        "openid,AdobeID,user_management_sdk",
        "openid AdobeID, user_management_sdk,",
        "openid%2CAdobeID%2Cuser_management_sdk",
    ] {
        assert_eq!(
            scopes(scope).as_deref(),
            Ok("openid AdobeID user_management_sdk"),
            "{scope}"
        );
    }
    for nothing in ["", " ", ","] {
        assert_eq!(
            scopes(nothing).as_deref(),
            Ok("openid AdobeID user_management_sdk extra")
        );
    }
    assert_eq!(scopes("openid").as_deref(), Ok("openid"));
    for refused in ["openid,other", "OpenID", "user_management_sdk other"] {
        assert_eq!(scopes(refused), Err(TokenError::ScopeNotGranted), "{refused}");
    }
}

#[test]
fn only_client_credentials_are_granted() {
    for (body, expected) in [
        ("grant_type=client_credentials", Ok(())),
        (
            "grant_type=Client_Credentials",
            Err(TokenError::UnsupportedGrantType),
        ),
        ("grant_type=password", Err(TokenError::UnsupportedGrantType)),
        ("", Err(TokenError::UnsupportedGrantType)),
    ] {
        assert_eq!(
            ClientCredentials::of(&parameters(body, "")).check_grant_type(),
            expected,
            "{body}"
        );
    }
}

/// R308, R318: the same lifetime in seconds here and in milliseconds there.
#[test]
fn lifetimes_are_seconds_here_and_milliseconds_there() {
    let lifetime = Duration::from_millis(86_399_998);
    let body = client_credentials_answer("eyJ.x.y", lifetime);
    let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(read["expires_in"], 86_399, "a number, not a text");
    expect![[r#"{"access_token":"eyJ.x.y","token_type":"bearer","expires_in":86399}"#]]
        .assert_eq(&text(body));
    expect![[r#"{"token_type":"bearer","access_token":"eyJ.x.y","expires_in":86399998}"#]]
        .assert_eq(&text(exchange_answer("eyJ.x.y", lifetime)));
}

#[test]
fn keys_and_discovery() {
    let key = PublicKey {
        kid: "roster-1".to_owned(),
        n: "abc".to_owned(),
        e: "AQAB".to_owned(),
    };
    expect![[r#"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"roster-1","n":"abc","e":"AQAB"}]}"#]]
        .assert_eq(&text(keys_answer(&[key])));
    expect![[r#"{"issuer":"https://id.example:8443/ims","token_endpoint":"https://id.example:8443/ims/token/v3","jwks_uri":"https://id.example:8443/ims/keys","revocation_endpoint":"https://id.example:8443/ims/revoke","grant_types_supported":["client_credentials"],"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]}"#]]
        .assert_eq(&text(discovery_answer("id.example:8443")));
}

fn claims() -> Claims {
    let scopes = scopes_of_metascopes(&["ent_user_sdk".to_owned()]);
    Claims::new(
        "1720000000000_u_r1".to_owned(),
        "0b5d".to_owned(),
        "1A@techacct.adobe.com".to_owned(),
        "1A2B@AdobeOrg".to_owned(),
        &scopes,
        1_720_000_000_000,
        86_400_000,
    )
}

/// R331, R338.
#[test]
fn claims_and_their_validation() {
    let claims = claims();
    assert_eq!(claims.expires_at(), Some(1_720_086_400_000));
    assert!(claims.may_manage_users() && !claims.has_scope("manage_client_secrets"));
    let valid = text(validation_answer(Ok(&claims)));
    expect![[r#"{"valid":true,"expires_at":1720086400000,"token":{"id":"1720000000000_u_r1","type":"access_token","client_id":"0b5d","user_id":"1A@techacct.adobe.com","org":"1A2B@AdobeOrg","as":"ims-na1","scope":"openid,AdobeID,user_management_sdk","created_at":"1720000000000","expires_in":"86400000"}}"#]]
        .assert_eq(&valid);
    let written: serde_json::Value = serde_json::from_str(&valid).unwrap();
    assert_eq!(serde_json::to_value(&claims).unwrap(), written["token"]);
    assert_eq!(
        serde_json::from_value::<Claims>(written["token"].clone()).unwrap(),
        claims
    );
    for (invalid, reason) in [
        (Invalid::Expired, "expired"),
        (Invalid::BadSignature, "bad_signature"),
        (Invalid::Revoked, "revoked"),
        (Invalid::Malformed, "malformed"),
        (Invalid::ClientMismatch, "client_mismatch"),
    ] {
        assert_eq!(
            text(validation_answer(Err(invalid))),
            format!(r#"{{"valid":false,"reason":"{reason}"}}"#)
        );
    }
    let broken = Claims {
        created_at: "x".to_owned(),
        ..claims
    };
    assert_eq!(broken.expires_at(), None);
}

#[test]
fn a_validation_needs_type_client_and_token() {
    let full = parameters("type=access_token&client_id=a&token=t", "");
    let request = Validation::of(&full).unwrap();
    assert_eq!((request.client_id, request.token), ("a", "t"));
    let headers = parameters("", "type=access_token")
        .with_header("client_id", "a")
        .with_header("token", "t");
    assert_eq!(Validation::of(&headers).unwrap().token, "t");
    for body in [
        "client_id=a&token=t",
        "type=other&client_id=a&token=t",
        "type=access_token&token=t",
        "type=access_token&client_id=a",
    ] {
        assert!(
            matches!(Validation::of(&parameters(body, "")), Err(TokenError::BadRequest)),
            "{body}"
        );
    }
}

const NOW: i64 = 1_700_000_000;

fn check(payload: &str) -> Result<Accepted, TokenError> {
    check_as(payload, false)
}

fn check_as(payload: &str, require_jti: bool) -> Result<Accepted, TokenError> {
    let expected = Expected {
        client_id: "key",
        org: "1A2B@AdobeOrg",
        technical_account: "TA@techacct.adobe.com",
        hosts: &["id.example:8443", "id.example"],
        metascopes: &["ent_user_sdk".to_owned(), "other_sdk".to_owned()],
        require_jti,
        max_lifetime: 7 * 86_400,
    };
    JwtClaims::parse(payload.as_bytes())?.check(NOW, &expected)
}

#[test]
fn a_claim_that_stands_twice_is_refused_whatever_it_says() {
    assert!(JwtClaims::parse(payload(&[]).as_bytes()).is_ok());
    for name in [
        "exp",
        "sub",
        "of nobody's interest",
        "https://ims-na1.adobelogin.com/s/ent_user_sdk",
    ] {
        let twice = payload(&[]).replacen('{', &format!("{{{name:?}:1,{name:?}:1,"), 1);
        assert_eq!(
            JwtClaims::parse(twice.as_bytes()),
            Err(TokenError::MalformedJwt),
            "{name}"
        );
    }
}

/// A payload in order, but for what `change` replaces.
fn payload(change: &[(&str, &str)]) -> String {
    let mut claims = vec![
        ("exp", (NOW + 300).to_string()),
        ("iss", r#""1a2b@adobeorg""#.to_owned()),
        ("sub", r#""TA@techacct.adobe.com""#.to_owned()),
        ("aud", r#""https://id.example:8443/c/key""#.to_owned()),
        ("https://ims-na1.adobelogin.com/s/ent_user_sdk", "true".to_owned()),
    ];
    for (name, value) in change {
        claims.retain(|(known, _)| known != name);
        if !value.is_empty() {
            claims.push((name, (*value).to_owned()));
        }
    }
    let fields: Vec<String> = claims
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn refused(change: &[(&str, &str)]) -> TokenError {
    check(&payload(change)).expect_err(&payload(change))
}

/// R318, R319: how far away `exp` may be.
#[test]
fn expiry_lies_ahead_and_not_too_far() {
    for ahead in [1, 300, 3600, 86_400, 87_000, 7 * 86_400] {
        let accepted = check(&payload(&[("exp", &(NOW + ahead).to_string())])).unwrap();
        assert_eq!(accepted.exp, NOW + ahead);
        assert_eq!(accepted.metascopes, ["ent_user_sdk"]);
    }
    for (exp, error) in [
        ("", TokenError::MalformedJwt),
        ("\"1700000300\"", TokenError::MalformedJwt),
        ("1700000300.5", TokenError::MalformedJwt),
        ("null", TokenError::MalformedJwt),
        ("1700000000", TokenError::JwtExpired),
        ("0", TokenError::JwtExpired),
        ("-9223372036854775808", TokenError::JwtExpired),
        ("1700000300000", TokenError::JwtTooLong),
        ("9223372036854775807", TokenError::JwtTooLong),
        ("1700604801", TokenError::JwtTooLong),
    ] {
        assert_eq!(refused(&[("exp", exp)]), error, "{exp}");
    }
    for (nbf, fine) in [
        ("1700000060", true),
        ("1700000061", false),
        ("1700003600", false),
        ("\"x\"", false),
        ("0", true),
    ] {
        let checked = check(&payload(&[("nbf", nbf)]));
        assert_eq!(checked.is_ok(), fine, "{nbf}");
        if !fine {
            assert_eq!(checked, Err(TokenError::JwtNotYetValid));
        }
    }
}

/// R320: any known host with the right client; another client is told apart from another form.
#[test]
fn the_audience_names_a_known_host_and_this_client() {
    for fine in [
        r#""https://id.example/c/key""#,
        r#""https://ID.example:8443/c/key""#,
        r#""https://ims-na1.adobelogin.com/c/key""#,
        r#"["https://elsewhere.example/c/key","https://id.example/c/key"]"#,
        r#"["https://id.example/c/other","https://id.example/c/key"]"#,
    ] {
        assert!(check(&payload(&[("aud", fine)])).is_ok(), "{fine}");
    }
    assert_eq!(
        refused(&[("aud", r#""https://id.example/c/other""#)]),
        TokenError::InvalidClient
    );
    assert_eq!(
        refused(&[("aud", r#""https://id.example/c/KEY""#)]),
        TokenError::InvalidClient
    );
    for bad in [
        "",
        "5",
        "[]",
        r#""key""#,
        r#""http://id.example/c/key""#,
        r#""https://elsewhere.example/c/key""#,
        r#""https://id.example:9/c/key""#,
        r#""https://id.example/x/c/key""#,
        r#""https:///c/key""#,
        r#""https://id.example/c/""#,
    ] {
        assert_eq!(refused(&[("aud", bad)]), TokenError::InvalidAudience, "{bad}");
    }
}

/// R321, R322.
#[test]
fn issuer_subject_and_metascopes_are_those_of_the_credential() {
    for change in [
        ("iss", ""),
        ("iss", "\"other@AdobeOrg\""),
        ("iss", "5"),
        ("sub", ""),
        ("sub", "\"x@techacct.adobe.com\""),
    ] {
        assert_eq!(
            refused(&[change]),
            TokenError::InvalidIssuerOrSubject,
            "{change:?}"
        );
    }
    let scope = "https://ims-na1.adobelogin.com/s/ent_user_sdk";
    for change in [
        [(scope, ""), ("x", "1")],
        [(scope, "false"), ("x", "1")],
        [(scope, "\"true\""), ("x", "1")],
        [("https://id.example/s/unbound_sdk", "true"), ("x", "1")],
        [(scope, ""), ("https://elsewhere.example/s/ent_user_sdk", "true")],
    ] {
        assert_eq!(refused(&change), TokenError::MetascopeNotBound, "{change:?}");
    }
    let both = check(&payload(&[
        ("https://id.example/s/other_sdk", "true"),
        ("https://id.example/s/ent_user_sdk", "true"),
    ]));
    assert_eq!(both.unwrap().metascopes, ["ent_user_sdk", "other_sdk"]);
}

/// R328.
#[test]
fn a_jti_is_optional_unless_it_is_required() {
    assert_eq!(check(&payload(&[])).unwrap().jti, None);
    assert_eq!(
        check(&payload(&[("jti", "\"x\"")])).unwrap().jti.as_deref(),
        Some("x")
    );
    assert_eq!(
        check(&payload(&[("jti", "7")])).unwrap().jti.as_deref(),
        Some("7")
    );
    for bad in ["\"\"", "null", "1.5", "{}", "true"] {
        assert_eq!(refused(&[("jti", bad)]), TokenError::InvalidJti, "{bad}");
    }
    assert_eq!(check_as(&payload(&[]), true), Err(TokenError::InvalidJti));
    assert!(check_as(&payload(&[("jti", "\"x\"")]), true).is_ok());
}

/// The order of checks: each of these has everything wrong that comes after it, too.
#[test]
fn claims_are_checked_in_the_documented_order() {
    let wrong = [
        ("exp", "1", TokenError::JwtExpired),
        ("nbf", "9999999999", TokenError::JwtNotYetValid),
        ("aud", "\"x\"", TokenError::InvalidAudience),
        ("iss", "\"x\"", TokenError::InvalidIssuerOrSubject),
        (
            "https://ims-na1.adobelogin.com/s/ent_user_sdk",
            "false",
            TokenError::MetascopeNotBound,
        ),
        ("jti", "{}", TokenError::InvalidJti),
    ];
    for (n, (.., error)) in wrong.iter().enumerate() {
        let change: Vec<(&str, &str)> = wrong[n..]
            .iter()
            .map(|(name, value, _)| (*name, *value))
            .collect();
        assert_eq!(refused(&change), *error);
    }
    for garbage in ["", "[]", "5", "{", "\u{0}"] {
        assert_eq!(check(garbage), Err(TokenError::MalformedJwt));
    }
}

#[test]
fn errors_of_the_table() {
    let all = [
        TokenError::InvalidClient,
        TokenError::InvalidSecret,
        TokenError::ExchangeNotAllowed,
        TokenError::UnsupportedGrantType,
        TokenError::ScopeNotGranted,
        TokenError::MetascopeNotBound,
        TokenError::MalformedJwt,
        TokenError::SignatureUnknown,
        TokenError::CertificateExpired,
        TokenError::CertificateNotYetValid,
        TokenError::JwtExpired,
        TokenError::JwtNotYetValid,
        TokenError::JwtTooLong,
        TokenError::InvalidAudience,
        TokenError::InvalidIssuerOrSubject,
        TokenError::InvalidJti,
        TokenError::BadRequest,
        TokenError::TooManyRequests,
        TokenError::Unavailable,
        TokenError::MaxSecrets,
        TokenError::LastSecret,
        TokenError::Internal,
    ];
    let bodies: Vec<String> = all.iter().map(|error| text(error.body())).collect();
    expect![[r#"
        {"error":"invalid_client","error_description":"invalid client_id parameter"}
        {"error":"invalid_client","error_description":"invalid client_secret parameter"}
        {"error":"invalid_client","error_description":"client is not allowed to exchange JWT"}
        {"error":"unsupported_grant_type","error_description":"unsupported grant_type"}
        {"error":"invalid_scope","error_description":"scope is not allowed for this client"}
        {"error":"invalid_scope","error_description":"The metascopes in the JWT are not a subset of the metascopes in the binding."}
        {"error":"invalid_token","error_description":"JWT token is incorrectly formatted, and can not be decoded."}
        {"error":"invalid_token","error_description":"Could not match JWT signature to any of the bindings"}
        {"error":"invalid_token","error_description":"Certificate has expired"}
        {"error":"invalid_token","error_description":"Certificate is not yet valid"}
        {"error":"invalid_token","error_description":"JWT token has expired"}
        {"error":"invalid_token","error_description":"JWT token is not yet valid"}
        {"error":"invalid_token","error_description":"JWT expiry is too far in the future"}
        {"error":"invalid_token","error_description":"Invalid JWT audience"}
        {"error":"invalid_token","error_description":"Invalid JWT issuer or subject"}
        {"error":"invalid_jti","error_description":"Invalid jti"}
        {"error":"bad_request","error_description":"Bad request"}
        {"error":"too_many_requests","error_description":"Too many requests"}
        {"error":"service_unavailable","error_description":"Service unavailable"}
        {"error":"max_secrets","error_description":"the credential already has the maximum number of secrets; delete one first"}
        {"error":"last_secret","error_description":"the last secret of a credential cannot be deleted; add another one first"}
        {"error":"server_error","error_description":"Severe exception"}"#]].assert_eq(&bodies.join("\n"));
}

/// R342.
#[test]
fn secrets_are_listed_without_their_values() {
    let moment = |millis: i64, text: &str| Moment {
        millis,
        text: text.to_owned(),
    };
    let secrets = [
        Secret {
            uuid: "5f1c1a52".to_owned(),
            created_at: moment(1_735_689_600_000, "2025-01-01T00:00:00Z"),
            usages: vec![Usage {
                last_used_at: 1_738_368_000_000,
                grant_type: "client_credentials",
            }],
        },
        Secret {
            uuid: "a2b0c4de".to_owned(),
            created_at: moment(1_738_454_400_000, "2025-02-02T00:00:00Z"),
            usages: Vec::new(),
        },
    ];
    expect![[r#"{"client_id":"0b5d","client_secrets":[{"uuid":"5f1c1a52","created_at":"1735689600000","created_at_str":"2025-01-01T00:00:00Z","expires_at":"PERMANENT","expires_at_str":"PERMANENT","secret_usages":[{"last_used_at":"1738368000000","grant_type":"client_credentials"}]},{"uuid":"a2b0c4de","created_at":"1738454400000","created_at_str":"2025-02-02T00:00:00Z","expires_at":"PERMANENT","expires_at_str":"PERMANENT","secret_usages":null}]}"#]]
        .assert_eq(&text(list_answer("0b5d", &secrets)));
    expect![[r#"{"client_id":"0b5d","client_secret":"p8e-x","uuid":"a2b0c4de","created_at":"1738454400000","created_at_str":"2025-02-02T00:00:00Z","expires_at":"PERMANENT","expires_at_str":"PERMANENT","secret_usages":null}"#]]
        .assert_eq(&text(created_answer("0b5d", &secrets[1], "p8e-x")));
}

//! The checks of a JWT that is exchanged for an access token (ims.md 5): its signature here, its claims in
//! `roster_umapi::token::jwt`.

use roster_umapi::token::TokenError;
use roster_umapi::token::jwt::{Accepted, Expected, JwtClaims};

use crate::crypto::certificate::Certificate;
use crate::crypto::jws::Jws;

/// Checks a JWT in the order of ims.md 5.4, at the time `now` (seconds since 1970), against the DER certificates of
/// an integration and what its claims have to be.
pub(crate) fn check(
    token: &str,
    certificates: &[Vec<u8>],
    expected: &Expected<'_>,
    now: i64,
) -> Result<Accepted, TokenError> {
    let jws = Jws::parse(token).ok_or(TokenError::MalformedJwt)?;
    let claims = JwtClaims::parse(&jws.payload)?;
    signature(&jws, certificates, now)?;
    claims.check(now, expected)
}

/// Each usable certificate is tried; one that would match but is not valid now is told apart from none at all.
fn signature(jws: &Jws<'_>, certificates: &[Vec<u8>], now: i64) -> Result<(), TokenError> {
    let mut unusable = None;
    for der in certificates {
        let Ok(certificate) = Certificate::from_der(der) else {
            continue;
        };
        if !jws.is_signed_by(&certificate.public_key) {
            continue;
        }
        if certificate.not_after < now {
            unusable = Some(TokenError::CertificateExpired);
        } else if certificate.not_before > now {
            unusable = Some(TokenError::CertificateNotYetValid);
        } else {
            return Ok(());
        }
    }
    Err(unusable.unwrap_or(TokenError::SignatureUnknown))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::crypto::jws::SigningKey;

    const NOW: i64 = 1_790_000_000;
    const CLIENT: &str = "0b5d3f2c9a8e4d17b6c05f1e2d3c4b5a";

    struct Bench {
        key: SigningKey,
        certificates: Vec<Vec<u8>>,
        require_jti: bool,
    }

    impl Bench {
        fn new() -> Self {
            let pair =
                rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
            Self {
                key: SigningKey::from_pkcs8("k", pair.serialized_der()).unwrap(),
                certificates: vec![certificate(&pair, 2026, 2036)],
                require_jti: false,
            }
        }

        fn check(&self, token: &str) -> Result<Accepted, TokenError> {
            let expected = Expected {
                client_id: CLIENT,
                org: "1A2B@AdobeOrg",
                technical_account: "7F00@techacct.adobe.com",
                metascopes: &["ent_user_sdk".to_owned()],
                require_jti: self.require_jti,
                hosts: &["ims.example.com:8443"],
                max_lifetime: 7 * 86_400,
            };
            check(token, &self.certificates, &expected, NOW)
        }

        fn with(&self, changes: &[(&str, Value)]) -> Result<Accepted, TokenError> {
            let mut claims = good();
            for (name, value) in changes {
                if value.is_null() {
                    claims.remove(*name);
                } else {
                    claims.insert((*name).to_owned(), value.clone());
                }
            }
            self.check(&self.key.sign(&claims).unwrap())
        }
    }

    fn certificate(pair: &rcgen::KeyPair, from: i32, until: i32) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.self_signed(pair).unwrap().der().to_vec()
    }

    fn good() -> Map<String, Value> {
        let claims = json!({
            "exp": NOW + 86_400,
            "iss": "1a2b@AdobeOrg",
            "sub": "7F00@techacct.adobe.com",
            "aud": format!("https://ims.example.com:8443/c/{CLIENT}"),
            "https://ims-na1.adobelogin.com/s/ent_user_sdk": true,
        });
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn r318_r328_a_jwt_without_iat_jti_and_kid_is_accepted() {
        let accepted = Bench::new().with(&[]).unwrap();
        assert_eq!(accepted.metascopes, ["ent_user_sdk"]);
        assert_eq!(accepted.jti, None);
    }

    #[test]
    fn r319_expiry_has_bounds() {
        let bench = Bench::new();
        for ahead in [300, 3600, 86_400, 87_000] {
            assert!(bench.with(&[("exp", json!(NOW + ahead))]).is_ok());
        }
        for (exp, wanted) in [
            (json!(NOW), TokenError::JwtExpired),
            (json!(NOW - 1), TokenError::JwtExpired),
            (Value::Null, TokenError::MalformedJwt),
            (json!((NOW + 300).to_string()), TokenError::MalformedJwt),
            (json!(1.5), TokenError::MalformedJwt),
            (json!((NOW + 300) * 1000), TokenError::JwtTooLong),
            (json!(NOW + 8 * 86_400), TokenError::JwtTooLong),
        ] {
            assert_eq!(bench.with(&[("exp", exp.clone())]), Err(wanted), "{exp}");
        }
        assert!(bench.with(&[("nbf", json!(NOW + 59))]).is_ok());
        for nbf in [json!(NOW + 3600), json!("now")] {
            assert_eq!(bench.with(&[("nbf", nbf)]), Err(TokenError::JwtNotYetValid));
        }
    }

    #[test]
    fn r320_audiences_name_a_known_host_and_this_client() {
        let bench = Bench::new();
        for host in [
            "ims.example.com:8443",
            "ims-na1.adobelogin.com",
            "IMS.example.com:8443",
        ] {
            let aud = format!("https://{host}/c/{CLIENT}");
            assert!(bench.with(&[("aud", json!(aud))]).is_ok());
            assert!(bench.with(&[("aud", json!(["https://x/y", aud]))]).is_ok());
        }
        for (aud, wanted) in [
            (
                json!("https://ims-na1.adobelogin.com/c/other"),
                TokenError::InvalidClient,
            ),
            (
                json!(format!("https://evil.example/c/{CLIENT}")),
                TokenError::InvalidAudience,
            ),
            (
                json!(format!("http://ims-na1.adobelogin.com/c/{CLIENT}")),
                TokenError::InvalidAudience,
            ),
            (json!(CLIENT), TokenError::InvalidAudience),
            (Value::Null, TokenError::InvalidAudience),
            (json!(5), TokenError::InvalidAudience),
        ] {
            assert_eq!(bench.with(&[("aud", aud.clone())]), Err(wanted), "{aud}");
        }
    }

    #[test]
    fn r321_r322_issuer_subject_and_metascopes_are_those_of_the_credential() {
        let bench = Bench::new();
        for claim in ["iss", "sub"] {
            for value in [json!("9F@AdobeOrg"), Value::Null, json!(1)] {
                assert_eq!(
                    bench.with(&[(claim, value)]),
                    Err(TokenError::InvalidIssuerOrSubject)
                );
            }
        }
        let name = "https://ims-na1.adobelogin.com/s/ent_user_sdk";
        for value in [Value::Null, json!(false), json!("true")] {
            assert_eq!(bench.with(&[(name, value)]), Err(TokenError::MetascopeNotBound));
        }
        let unbound = "https://ims-na1.adobelogin.com/s/ent_other_sdk";
        assert_eq!(
            bench.with(&[(unbound, json!(true))]),
            Err(TokenError::MetascopeNotBound)
        );
    }

    #[test]
    fn r323_r327_other_algorithms_and_garbage_are_malformed() {
        let bench = Bench::new();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = part(&Value::Object(good()));
        for header in [json!({"alg": "none"}), json!({"alg": "HS256"})] {
            let token = format!("{}.{claims}.", part(&header));
            assert_eq!(bench.check(&token), Err(TokenError::MalformedJwt));
        }
        for garbage in ["", "garbage", "a.b.c", &format!("{claims}.{claims}.{claims}")] {
            assert_eq!(bench.check(garbage), Err(TokenError::MalformedJwt));
        }
    }

    #[test]
    fn r324_r325_r326_each_certificate_is_tried_and_must_be_valid_now() {
        let (mut bench, other) = (Bench::new(), Bench::new());
        let foreign = other.key.sign(&good()).unwrap();
        assert_eq!(bench.check(&foreign), Err(TokenError::SignatureUnknown));
        bench.certificates.extend(other.certificates);
        assert!(bench.check(&foreign).is_ok() && bench.with(&[]).is_ok());

        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        bench.key = SigningKey::from_pkcs8("k", pair.serialized_der()).unwrap();
        bench.certificates = vec![certificate(&pair, 2001, 2002)];
        assert_eq!(bench.with(&[]), Err(TokenError::CertificateExpired));
        bench.certificates = vec![certificate(&pair, 2050, 2060)];
        assert_eq!(bench.with(&[]), Err(TokenError::CertificateNotYetValid));
        bench.certificates.push(certificate(&pair, 2020, 2060));
        assert!(bench.with(&[]).is_ok(), "a renewed certificate of the same key");
    }

    #[test]
    fn an_id_is_needed_only_where_the_integration_says_so() {
        let mut bench = Bench::new();
        assert_eq!(bench.with(&[("jti", json!(["x"]))]), Err(TokenError::InvalidJti));
        bench.require_jti = true;
        assert_eq!(bench.with(&[]), Err(TokenError::InvalidJti));
        assert_eq!(
            bench.with(&[("jti", json!("x"))]).unwrap().jti.as_deref(),
            Some("x")
        );
        assert_eq!(
            bench.with(&[("jti", json!(7))]).unwrap().jti.as_deref(),
            Some("7")
        );
    }
}

//! K8: tokens made to deceive. Every one is refused with the error that the specification names for it, and whatever
//! the trick was, the answers look the same: nobody learns how far a forgery came.
//!
//! One signing key of the server is known to these tests (as if it had leaked), so that claims and headers can be wrong
//! while the signature is right.

use aws_lc_rs::signature::RsaEncoding;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::support::{NOW, technical_account};

mod access;
mod exchange;

/// The key id of the signing key that these tests know.
const KNOWN_KID: &str = "roster-00000000000000aa";

fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Signs `header.payload` as they stand.
fn sign_with(pair: &rcgen::KeyPair, how: &'static dyn RsaEncoding, header: &str, payload: &str) -> String {
    let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(pair.serialized_der()).unwrap();
    let input = format!("{}.{}", encode(header), encode(payload));
    let mut signature = vec![0; key.public_modulus_len()];
    let rng = aws_lc_rs::rand::SystemRandom::new();
    key.sign(how, &rng, input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", encode(signature))
}

fn sign(pair: &rcgen::KeyPair, header: &str, payload: &str) -> String {
    sign_with(pair, &aws_lc_rs::signature::RSA_PKCS1_SHA256, header, payload)
}

/// The public half of a key in every form in which a careless verifier might use it as an HMAC secret.
fn public_forms(pair: &rcgen::KeyPair) -> Vec<(&'static str, Vec<u8>)> {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::KeyPair as _;
    let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(pair.serialized_der()).unwrap();
    let pkcs1 = key.public_key().as_ref().to_vec();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let spki = spki.as_ref().to_vec();
    let pem = |label: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines.join("\n")
        )
        .into_bytes()
    };
    let jwk = roster_server::crypto::jws::published(KNOWN_KID, &spki).unwrap();
    let jwk_json =
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": jwk.kid, "n": jwk.n, "e": jwk.e})
            .to_string();
    let with_newline = pem("PUBLIC KEY", &spki);
    vec![
        ("SPKI PEM, trimmed", with_newline.trim_ascii().to_vec()),
        ("SPKI PEM", with_newline),
        ("PKCS#1 PEM", pem("RSA PUBLIC KEY", &pkcs1)),
        ("SPKI DER", spki),
        ("PKCS#1 DER", pkcs1),
        ("JWK", jwk_json.into_bytes()),
        ("modulus of the JWK", URL_SAFE_NO_PAD.decode(&jwk.n).unwrap()),
        ("modulus of the JWK as text", jwk.n.into_bytes()),
        ("nothing", Vec::new()),
    ]
}

/// Tokens with another algorithm: none at all, HMAC keyed with what is public, other signatures by the right key.
fn other_algorithms(pair: &rcgen::KeyPair, kid: &str, payload: &str) -> Vec<(String, String)> {
    use aws_lc_rs::hmac;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
    let header = |alg: &Value| json!({"alg": alg, "kid": kid, "typ": "JWT"}).to_string();
    let mut cases = Vec::new();
    let signature = sign(pair, &header(&json!("RS256")), payload);
    let signature = signature.rsplit('.').next().unwrap();
    for alg in ["none", "None", "NONE", "nOnE", "", "RS256 ", "rs256"] {
        let input = format!("{}.{}", encode(header(&json!(alg))), encode(payload));
        cases.push((format!("alg {alg:?} without a signature"), format!("{input}.")));
        cases.push((format!("alg {alg:?} with one"), format!("{input}.{signature}")));
    }
    for alg in [
        json!(null),
        json!(5),
        json!(["RS256"]),
        json!({"RS256": 1}),
        json!(true),
    ] {
        let input = format!("{}.{}", encode(header(&alg)), encode(payload));
        cases.push((format!("alg {alg}"), format!("{input}.{signature}")));
    }
    for (alg, algorithm) in [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ] {
        for (form, bytes) in public_forms(pair) {
            let input = format!("{}.{}", encode(header(&json!(alg))), encode(payload));
            let tag = hmac::sign(&hmac::Key::new(algorithm, &bytes), input.as_bytes());
            cases.push((
                format!("{alg} with the public key as {form}"),
                format!("{input}.{}", encode(tag)),
            ));
        }
    }
    for (alg, how) in [
        ("RS384", &RSA_PKCS1_SHA384 as &'static dyn RsaEncoding),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
    ] {
        let made = sign_with(pair, how, &header(&json!(alg)), payload);
        cases.push((format!("{alg} by the right key"), made));
    }
    cases
}

/// Headers that offer a key of the sender's own, in every way that RFC 7515 knows; the attacker signs.
fn own_keys(attacker: &rcgen::KeyPair, kids: &[Value], payload: &str) -> Vec<(String, String)> {
    let forms = public_forms(attacker);
    let jwk: Value =
        serde_json::from_slice(&forms.iter().find(|(form, _)| *form == "JWK").unwrap().1).unwrap();
    let certificate = certificate(attacker, 2020, 2040);
    let offers = [
        ("nothing", json!({})),
        ("jwk", json!({"jwk": jwk})),
        ("x5c", json!({"x5c": [STANDARD.encode(&certificate)]})),
        ("jku", json!({"jku": "https://127.0.0.1:9/keys"})),
        ("x5u", json!({"x5u": "file:///etc/ssl/cert.pem"})),
        ("jwk and key", json!({"jwk": jwk, "key": jwk, "keys": [jwk]})),
    ];
    let mut cases = Vec::new();
    for (name, offer) in offers {
        for kid in kids {
            let mut header = json!({"alg": "RS256", "kid": kid});
            header
                .as_object_mut()
                .unwrap()
                .extend(offer.as_object().unwrap().clone());
            let shown: String = kid.to_string().chars().take(40).collect();
            let made = sign(attacker, &header.to_string(), payload);
            cases.push((format!("own key, offered by {name}, kid {shown}"), made));
        }
    }
    cases
}

/// A good token written in other ways that some readers take for the same.
fn other_spellings(good: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        panic!("three parts");
    };
    let raw = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    // The last letter of a part carries bits that mean nothing; set, they make another text with the same bytes.
    let loose = |part: &str| {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (start, last) = part.split_at(part.len() - 1);
        let place = LETTERS
            .iter()
            .position(|letter| last.as_bytes()[0] == *letter)
            .unwrap();
        (!part.len().is_multiple_of(4)).then(|| format!("{start}{}", char::from(LETTERS[place | 1])))
    };
    let mut cases = vec![
        (
            "padded header",
            format!("{}.{payload}.{signature}", URL_SAFE.encode(raw(header)) + "="),
        ),
        (
            "padded payload",
            format!("{header}.{}.{signature}", payload.to_string() + "=="),
        ),
        (
            "padded signature",
            format!("{header}.{payload}.{}", URL_SAFE.encode(raw(signature))),
        ),
        ("one = too many", format!("{header}.{payload}.{signature}=")),
        ("%3D", format!("{header}.{payload}.{signature}%3D%3D")),
        (
            "the other alphabet",
            format!("{header}.{payload}.{}", STANDARD_NO_PAD.encode(raw(signature))),
        ),
        ("a blank inside", format!("{header}.{payload}. {signature}")),
        ("a tab at the end", format!("{header}.{payload}.{signature}\t.")),
        ("two parts", format!("{header}.{payload}")),
        ("no signature", format!("{header}.{payload}.")),
        (
            "four parts",
            format!("{header}.{payload}.{signature}.{signature}"),
        ),
        (
            "five parts",
            format!("{header}.{payload}.{signature}.{payload}.{signature}"),
        ),
        ("a dot in front", format!(".{good}")),
        ("a dot behind", format!("{good}.")),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("dots", "..".to_owned()),
        (
            "parts in another order",
            format!("{payload}.{header}.{signature}"),
        ),
        (
            "half a signature",
            format!("{header}.{payload}.{}", &signature[..168]),
        ),
        (
            "the signature twice",
            format!("{header}.{payload}.{signature}{signature}"),
        ),
        (
            "a signature of zeros",
            format!("{header}.{payload}.{}", encode(vec![0; 256])),
        ),
        (
            "JSON",
            json!({"protected": header, "payload": payload, "signature": signature}).to_string(),
        ),
        ("nested", encode(good)),
        ("garbage", "garbage".to_owned()),
        (
            "oversized payload",
            format!("{header}.{}.{signature}", "A".repeat(20_000)),
        ),
        (
            "oversized signature",
            format!("{header}.{payload}.{}", "A".repeat(20_000)),
        ),
        ("a million dots", ".".repeat(15_000)),
        (
            "nested deeply",
            format!(
                "{}.{payload}.{signature}",
                encode(format!("{}{}", "[".repeat(6_000), "]".repeat(5_000)))
            ),
        ),
    ];
    cases.extend(loose(signature).map(|loose| {
        (
            "loose bits in the signature",
            format!("{header}.{payload}.{loose}"),
        )
    }));
    cases.extend(loose(payload).map(|loose| {
        (
            "loose bits in the payload",
            format!("{header}.{loose}.{signature}"),
        )
    }));
    let other = cases.into_iter().filter(|(_, made)| made != good);
    other.map(|(name, made)| (name.to_owned(), made)).collect()
}

fn certificate(pair: &rcgen::KeyPair, from: i32, until: i32) -> Vec<u8> {
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params.self_signed(pair).unwrap().der().to_vec()
}

/// Headers that no reader may accept, whatever the signature.
const CRITICAL: [&str; 4] = [
    r#""crit":["exp"],"exp":1"#,
    r#""crit":[]"#,
    r#""crit":["b64"],"b64":false"#,
    r#""crit":null"#,
];

/// The claims with one of them changed, or left out.
fn with(mut claims: Value, name: &str, value: Option<Value>) -> String {
    let map: &mut Map<String, Value> = claims.as_object_mut().unwrap();
    match value {
        Some(value) => map.insert(name.to_owned(), value),
        None => map.remove(name),
    };
    claims.to_string()
}

/// `{"a":1,…}` with a claim in front of the others once more.
fn twice(claims: &Value, name: &str, value: &Value) -> String {
    let text = claims.to_string();
    format!("{{{}:{value},{}", json!(name), &text[1..])
}

fn escaped(text: &str) -> String {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Claims of a JWT as an integration makes it.
fn jwt_claims(client: &str, org: &str) -> Value {
    json!({
        "exp": NOW / 1000 + 86_400,
        "iss": org,
        "sub": technical_account(client),
        "aud": format!("https://ims.test:8443/c/{client}"),
        "https://ims.test:8443/s/ent_user_sdk": true,
    })
}

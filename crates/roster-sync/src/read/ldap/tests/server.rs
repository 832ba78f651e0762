//! A server with a script, and what it answers.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::read::ldap::ber::{self, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, Writer};

/// What a server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) id: i32,
    pub(super) tag: u8,
    /// Of a search.
    pub(super) base: String,
    pub(super) attributes: Vec<String>,
    pub(super) paged: bool,
    /// Where the page begins; empty for the first.
    pub(super) cookie: String,
}

/// Answers requests as a function says, and remembers them.
pub(super) struct Server {
    pub(super) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(super) async fn start(
        answer: impl Fn(&Asked, usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &answer, &seen).await;
            }
        });
        Self { port, asked }
    }

    /// How often somebody has logged in.
    pub(super) fn logins(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.tag == 0x60).count()
    }

    /// The searches, in order.
    pub(super) fn searches(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.tag == 0x63).cloned().collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(impl Fn(&Asked, usize) -> Vec<Vec<u8>> + Send + Sync),
    seen: &Mutex<Vec<Asked>>,
) {
    let mut buffer = Vec::new();
    loop {
        while let Some(length) = ber::frame(&buffer)
            .unwrap()
            .filter(|length| *length <= buffer.len())
        {
            let asked = parse(&buffer[..length]);
            buffer.drain(..length);
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.push(asked.clone());
                seen.iter().filter(|other| other.tag == 0x63).count()
            };
            let answers = if asked.tag == 0x60 {
                vec![done(asked.id, 0x61, 0, "")]
            } else {
                answer(&asked, number)
            };
            for bytes in answers {
                // An empty answer hangs up.
                if bytes.is_empty() || stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
        if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

fn parse(bytes: &[u8]) -> Asked {
    let mut message = Reader::new(Reader::new(bytes).expect(SEQUENCE, "").unwrap());
    let id = message.integer(INTEGER, "").unwrap();
    let (tag, body) = message.next().unwrap();
    let controls = message.optional(0xa0).unwrap();
    let mut asked = Asked {
        id,
        tag,
        base: String::new(),
        attributes: Vec::new(),
        paged: controls.is_some(),
        cookie: controls.map(cookie).unwrap_or_default(),
    };
    if tag == 0x63 {
        let mut search = Reader::new(body);
        asked.base = search.text("").unwrap();
        for _ in 0..6 {
            search.next().unwrap();
        }
        let mut list = Reader::new(search.expect(SEQUENCE, "").unwrap());
        while !list.is_empty() {
            asked.attributes.push(list.text("").unwrap());
        }
    }
    asked
}

/// The cookie in the control for pages, which is the only one.
fn cookie(controls: &[u8]) -> String {
    let mut control = Reader::new(Reader::new(controls).expect(SEQUENCE, "").unwrap());
    control.next().unwrap();
    let mut value = Reader::new(control.expect(OCTETS, "").unwrap());
    let mut place = Reader::new(value.expect(SEQUENCE, "").unwrap());
    place.next().unwrap();
    place.text("").unwrap()
}

pub(super) fn envelope(id: i32, controls: Option<&[u8]>, tag: u8, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.nested(SEQUENCE, |message| {
        message.integer(INTEGER, id);
        message.nested(tag, body);
        if let Some(controls) = controls {
            message.element(0xa0, controls);
        }
    });
    writer.into_bytes()
}

fn result(writer: &mut Writer, code: i32, words: &str) {
    writer.integer(ENUMERATED, code);
    writer.element(OCTETS, b"");
    writer.element(OCTETS, words.as_bytes());
}

pub(super) fn done(id: i32, tag: u8, code: i32, words: &str) -> Vec<u8> {
    envelope(id, None, tag, |body| result(body, code, words))
}

/// The end of a page, with the cookie of the next.
pub(super) fn page_end(id: i32, cookie: &str) -> Vec<u8> {
    let mut value = Writer::default();
    value.nested(SEQUENCE, |w| {
        w.integer(INTEGER, 0);
        w.element(OCTETS, cookie.as_bytes());
    });
    let mut controls = Writer::default();
    controls.nested(SEQUENCE, |control| {
        control.element(OCTETS, b"1.2.840.113556.1.4.319");
        control.element(OCTETS, &value.into_bytes());
    });
    envelope(id, Some(&controls.into_bytes()), 0x65, |body| result(body, 0, ""))
}

pub(super) fn entry(id: i32, dn: &str, attributes: &[(&str, &[&str])]) -> Vec<u8> {
    envelope(id, None, 0x64, |body| {
        body.element(OCTETS, dn.as_bytes());
        body.nested(SEQUENCE, |list| {
            for (name, values) in attributes {
                list.nested(SEQUENCE, |attribute| {
                    attribute.element(OCTETS, name.as_bytes());
                    attribute.nested(SET, |set| {
                        for value in *values {
                            set.element(OCTETS, value.as_bytes());
                        }
                    });
                });
            }
        });
    })
}

/// A person with a name and what follows from it.
pub(super) fn person(id: i32, name: &str) -> Vec<u8> {
    let mail = format!("{name}@x.com");
    entry(
        id,
        &format!("uid={name},dc=x"),
        &[("mail", &[&mail]), ("givenName", &[name]), ("sn", &["Lee"])],
    )
}

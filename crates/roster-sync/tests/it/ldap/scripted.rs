//! An LDAP server with a script, for what real ones only do on a bad day. It needs nothing from outside.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The operations that are answered.
pub(crate) const BIND: u8 = 0x60;
pub(crate) const SEARCH: u8 = 0x63;

/// What a server is asked: what kind of operation it is, and its bytes, in which texts stand as they are.
pub(crate) struct Asked {
    pub(crate) id: u8,
    pub(crate) operation: u8,
    bytes: Vec<u8>,
}

impl Asked {
    /// Whether a text stands in it.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// An answer to it.
    fn answer(&self, tag: u8, body: &[u8], controls: &[u8]) -> Vec<u8> {
        element(
            0x30,
            &[element(2, &[self.id]), element(tag, body), controls.to_vec()].concat(),
        )
    }

    /// How an operation ended, with a result code.
    pub(crate) fn ended(&self, code: u8) -> Vec<u8> {
        self.answer(
            self.operation + if self.operation == SEARCH { 2 } else { 1 },
            &result(code, &[]),
            &[],
        )
    }

    /// The result code 10, with where to go.
    pub(crate) fn referred(&self, there: &str) -> Vec<u8> {
        let list = element(0xa3, &element(4, there.as_bytes()));
        self.answer(0x65, &result(10, &list), &[])
    }

    /// The end of a page, with the cookie of the next.
    pub(crate) fn page_end(&self, cookie: &str) -> Vec<u8> {
        let place = element(0x30, &[element(2, &[0]), element(4, cookie.as_bytes())].concat());
        let control = [element(4, b"1.2.840.113556.1.4.319"), element(4, &place)].concat();
        self.answer(0x65, &result(0, &[]), &element(0xa0, &element(0x30, &control)))
    }

    /// Something that another server holds.
    pub(crate) fn reference(&self, there: &str) -> Vec<u8> {
        self.answer(0x73, &element(4, there.as_bytes()), &[])
    }

    /// An entry. What an attribute has stands side by side.
    pub(crate) fn entry(&self, dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
        let list: Vec<u8> = attributes
            .chunk_by(|one, other| one.0 == other.0)
            .flat_map(|alike| {
                let values = alike.iter().map(|(_, value)| element(4, value.as_bytes()));
                let set = element(0x31, &values.collect::<Vec<_>>().concat());
                element(0x30, &[element(4, alike[0].0.as_bytes()), set].concat())
            })
            .collect();
        self.answer(
            0x64,
            &[element(4, dn.as_bytes()), element(0x30, &list)].concat(),
            &[],
        )
    }
}

fn result(code: u8, more: &[u8]) -> Vec<u8> {
    [
        element(10, &[code]),
        element(4, b""),
        element(4, b""),
        more.to_vec(),
    ]
    .concat()
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

/// Starts a server; gives its port. An empty answer hangs up.
pub(crate) async fn start(script: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &script).await;
        }
    });
    port
}

async fn serve(mut stream: TcpStream, script: &(impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync)) {
    let mut buffer = Vec::new();
    loop {
        while let Some((length, asked)) = asked(&buffer) {
            buffer.drain(..length);
            for answer in script(&asked) {
                if answer.is_empty() || stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
        if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// The first whole message of what has arrived, and how long it is.
fn asked(buffer: &[u8]) -> Option<(usize, Asked)> {
    let (inside, head) = length(buffer)?;
    let message = buffer.get(head..head + inside)?;
    // The number of the message: no run of these tests asks more than 127 times on a connection.
    assert_eq!(message[..2], [2, 1], "{message:?}");
    let asked = Asked {
        id: message[2],
        operation: message[3],
        bytes: message.to_vec(),
    };
    Some((head + inside, asked))
}

/// How much is inside an element, and how long its head is.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((first, 2));
    }
    let more = bytes.get(2..2 + first - 0x80)?;
    let inside = more.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    Some((inside, 2 + more.len()))
}

//! Fuzzing without tools: inputs made from a committed corpus by mutation, given to a property.
//!
//! As an ordinary test a target replays its corpus and goes on for a moment with random inputs, the same each time.
//! `make fuzz` goes on for `ROSTER_FUZZ_SECONDS` with another beginning each time, which it says (`ROSTER_FUZZ_SEED`
//! repeats it). An input that panics, takes too long or too much memory is written to `target/fuzz/<target>`: put it into
//! the corpus, see the test fail, and mend. `make fuzz` also keeps the input at hand in `current` there: an overflowing
//! stack leaves no time for more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    reason = "for tests, which may be blunt"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long one input may take, in a build that is not optimized and on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much memory a target may take altogether.
const MEMORY: u64 = 256 << 20;
/// The longest input.
const LONGEST: usize = 64 * 1024;
/// Where random inputs begin when nobody says so.
const SEED: u64 = 0x5EED_0F0F_1234_ABCD;

/// One target: a property of all inputs.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its folder in the corpus.
    pub name: &'static str,
    /// The corpus of its crate: `concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")`.
    pub corpus: &'static str,
    /// Pieces that mean something in this language.
    pub words: &'static [&'static str],
    /// Panics when it does not hold.
    pub property: fn(&[u8]),
}

impl Target {
    /// Replays the corpus, then goes on with random inputs.
    pub fn run(&self) {
        let corpus = self.read_corpus();
        let memory = peak_memory();
        let (inputs, todo) = mpsc::sync_channel::<Vec<u8>>(1);
        let (tell, done) = mpsc::channel();
        let property = self.property;
        let worker = std::thread::spawn(move || {
            for input in todo {
                let held = catch_unwind(AssertUnwindSafe(|| property(&input))).is_ok();
                if tell.send(held).is_err() {
                    return;
                }
            }
        });
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        let seconds = number("ROSTER_FUZZ_SECONDS");
        let current = seconds.is_some().then(|| self.findings().join("current"));
        let check = |input: &[u8]| {
            // A stack that overflows ends the process at once: then the last input is all that is left.
            if let Some(current) = &current {
                fs::write(current, input).unwrap();
            }
            inputs.send(input.to_vec()).unwrap();
            match done.recv_timeout(PATIENCE) {
                Ok(true) => {}
                Ok(false) => self.found(input, "panicked; what it said is above"),
                Err(_) => self.found(input, "took too long"),
            }
            if peak_memory() > memory + MEMORY {
                self.found(input, "or what came before it took too much memory");
            }
        };
        for input in &corpus {
            check(input);
        }
        let seed = number("ROSTER_FUZZ_SEED").unwrap_or_else(|| match seconds {
            None => SEED,
            Some(_) => u64::from(std::process::id()) << 32 ^ now_nanoseconds(),
        });
        let mut random = Random(seed | 1);
        let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(1));
        let mut tried = 0_u64;
        while Instant::now() < until {
            check(&self.mutated(&corpus, &mut random));
            tried += 1;
        }
        drop(inputs);
        worker.join().unwrap();
        eprintln!(
            "{}: {} of the corpus and {tried} random inputs, ROSTER_FUZZ_SEED={seed}",
            self.name,
            corpus.len()
        );
    }

    fn read_corpus(&self) -> Vec<Vec<u8>> {
        let folder = Path::new(self.corpus).join(self.name);
        let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "{} is empty", folder.display());
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    fn mutated(&self, corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(6) {
            let at = random.below(input.len() + 1);
            let end = (at + random.below(32) + 1).min(input.len());
            match random.below(9) {
                0 if at < input.len() => input[at] ^= 1 << random.below(8),
                1 if at < input.len() => input[at] = random.below(256) as u8,
                2 => drop(input.drain(at.min(end)..end)),
                3 => {
                    let copy = input[at.min(end)..end].to_vec();
                    let times = if random.below(20) == 0 {
                        2_000
                    } else {
                        random.below(4) + 1
                    };
                    insert(&mut input, at, &copy.repeat(times));
                }
                4 if !self.words.is_empty() => {
                    let word = self.words[random.below(self.words.len())].as_bytes();
                    let times = if random.below(20) == 0 { 10_000 } else { 1 };
                    insert(&mut input, at, &word.repeat(times));
                }
                5 => {
                    let other = &corpus[random.below(corpus.len())];
                    let from = random.below(other.len() + 1);
                    let piece = &other[from..(from + random.below(200)).min(other.len())];
                    insert(&mut input, at, piece);
                }
                6 => {
                    const ODD: [&[u8]; 12] = [
                        b"\0",
                        b"\xff\xfe",
                        b"\xef\xbb\xbf",
                        b"\r\n",
                        b"\\u0000",
                        b"\\ud800",
                        b"-9223372036854775808",
                        b"1e999",
                        b"\xe2\x80\xae",
                        b"%00",
                        b"\xc3\x28",
                        b"99999999999999999999999999",
                    ];
                    insert(&mut input, at, ODD[random.below(ODD.len())]);
                }
                7 => input.truncate(at),
                _ => {
                    let bytes: Vec<u8> = (0..random.below(8)).map(|_| random.below(256) as u8).collect();
                    insert(&mut input, at, &bytes);
                }
            }
            input.truncate(LONGEST);
        }
        input
    }

    /// Where inputs go that broke something.
    fn findings(&self) -> PathBuf {
        let folder = Path::new(self.corpus)
            .join("../../../../target/fuzz")
            .join(self.name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn found(&self, input: &[u8], what: &str) -> ! {
        let folder = Path::new(self.corpus)
            .join("../../../../target/fuzz")
            .join(self.name);
        fs::create_dir_all(&folder).unwrap();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in input {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let file = folder.join(format!("{hash:016x}"));
        fs::write(&file, input).unwrap();
        panic!("{}: the input in {} {what}", self.name, file.display());
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let at = at.min(input.len());
    input.splice(at..at, piece.iter().copied());
}

fn now_nanoseconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

/// The most memory that this process ever held, in bytes; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Numbers that look like chance and can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % limit.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

    fn outcome(name: &'static str, property: fn(&[u8])) -> String {
        let target = Target {
            name,
            corpus: HERE,
            words: &["needle"],
            property,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| target.run()));
        ended.map_or_else(
            |panic| {
                panic
                    .downcast::<String>()
                    .map_or_else(|_| "?".to_owned(), |said| *said)
            },
            |()| String::new(),
        )
    }

    #[test]
    fn a_panic_a_hang_and_a_glutton_are_found_and_their_input_is_kept() {
        assert_eq!(outcome("self", |_| {}), "");
        let panics = outcome("self", |input| {
            assert!(!input.windows(6).any(|bytes| bytes == b"needle"));
        });
        assert!(panics.contains("panicked"), "{panics}");
        let file = panics.split(" in ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(String::from_utf8_lossy(&fs::read(file).unwrap()).contains("needle"));
        let hangs = outcome("self", |input| {
            if input.contains(&0) {
                std::thread::sleep(Duration::from_mins(1));
            }
        });
        assert!(hangs.contains("took too long"), "{hangs}");
        let eats = outcome("self", |input| {
            if input.contains(&b'%') {
                std::hint::black_box(vec![1_u8; 300 << 20]);
            }
        });
        assert!(eats.contains("too much memory"), "{eats}");
    }
}

//! The end of the child's stderr, for error messages.

use std::collections::VecDeque;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::secrets::{SECRET_BYTES, Secrets};

/// Keeps the newest bytes and reads the rest away, so that a chatty child does not stop.
#[derive(Debug)]
pub(crate) struct Stderr {
    pipe: Option<pipe::Receiver>,
    tail: VecDeque<u8>,
    max: usize,
}

impl Stderr {
    pub(crate) fn new(pipe: pipe::Receiver, max: usize) -> Self {
        Self { pipe: Some(pipe), tail: VecDeque::new(), max }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Nothing more is read.
    #[cfg(feature = "cli")]
    pub(crate) fn close(&mut self) {
        self.pipe = None;
    }

    /// Reads some. Cancel safe: one read, kept at once.
    pub(crate) async fn read_some(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut bytes = [0; 4096];
        match pipe.read(&mut bytes).await {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(read) => {
                self.tail.extend(&bytes[..read]);
                // A secret must not be cut where its beginning is forgotten.
                self.tail.drain(..self.tail.len().saturating_sub(self.max + SECRET_BYTES));
            }
        }
    }

    /// Its text on one line, without control characters and without secrets.
    pub(crate) fn tail(&mut self, secrets: &Secrets) -> String {
        let text = secrets.redact(&String::from_utf8_lossy(self.tail.make_contiguous()));
        let from = text.len().saturating_sub(self.max);
        let text = &text[text.ceil_char_boundary(from)..];
        let words =
            text.split(|it: char| it.is_control() || it.is_whitespace()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn the_newest_bytes_stay_on_one_line_without_secrets() {
        let (mut writer, reader) = pipe::pipe().unwrap();
        let mut stderr = Stderr::new(reader, 64);
        let text = format!("{}\n\u{1b}[31mkey sk-planted\r\nrefused\n", "x".repeat(5000));
        writer.write_all(text.as_bytes()).await.unwrap();
        drop(writer);
        while stderr.is_open() {
            stderr.read_some().await;
        }
        let tail = stderr.tail(&Secrets::of(&[("ANTHROPIC_API_KEY".into(), "sk-planted".into())]));
        assert!(tail.ends_with("[31mkey [redacted] refused"), "{tail:?}");
        assert!(tail.len() <= 64 + "[redacted]".len());
    }
}

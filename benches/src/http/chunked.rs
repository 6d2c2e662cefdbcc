//! Takes the framing of `Transfer-Encoding: chunked` off a body that comes in pieces.

use anyhow::{Context, bail};

/// The longest line of a chunk's size, with extensions, in bytes.
const SIZE_LINE_MAX: usize = 1024;

/// Where in the body we are.
#[derive(Debug)]
pub(super) enum Chunked {
    /// In the line that holds a size; what came of it.
    Size(Vec<u8>),
    /// In a chunk, with so many bytes to come.
    Inside(u64),
    /// In the line feed behind a chunk.
    Behind,
    /// In the trailer; what came of its line.
    Trailer(Vec<u8>),
    End,
}

impl Default for Chunked {
    fn default() -> Self {
        Self::Size(Vec::new())
    }
}

impl Chunked {
    /// Hands on what `bytes` holds of the body.
    pub(super) fn push<'a>(
        &mut self,
        mut bytes: &'a [u8],
        body: &mut impl FnMut(&'a [u8]),
    ) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            bytes = self.step(bytes, body)?;
        }
        Ok(())
    }

    pub(super) fn is_at_end(&self) -> bool {
        matches!(self, Self::End)
    }

    /// Takes what belongs to the present state; returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8], body: &mut impl FnMut(&'a [u8])) -> anyhow::Result<&'a [u8]> {
        match self {
            Self::Size(line) => {
                let (complete, rest) = take_line(bytes, line)?;
                if complete {
                    *self = match size(line)? {
                        0 => Self::Trailer(Vec::new()),
                        size => Self::Inside(size),
                    };
                }
                Ok(rest)
            }
            Self::Inside(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let (data, rest) = bytes.split_at(here);
                body(data);
                *left -= here as u64;
                if *left == 0 {
                    *self = Self::Behind;
                }
                Ok(rest)
            }
            Self::Behind => match bytes[0] {
                b'\r' => Ok(&bytes[1..]),
                b'\n' => {
                    *self = Self::default();
                    Ok(&bytes[1..])
                }
                _ => bail!("a chunk is longer than its size"),
            },
            Self::Trailer(line) => {
                let (complete, rest) = take_line(bytes, line)?;
                if complete {
                    *self = if line.is_empty() { Self::End } else { Self::Trailer(Vec::new()) };
                }
                Ok(rest)
            }
            Self::End => bail!("bytes behind the end of the body"),
        }
    }
}

/// Adds to `line` up to the line feed; whether it is complete, and the rest.
fn take_line<'a>(bytes: &'a [u8], line: &mut Vec<u8>) -> anyhow::Result<(bool, &'a [u8])> {
    let end = memchr::memchr(b'\n', bytes);
    let (here, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
    line.extend_from_slice(here);
    if line.len() > SIZE_LINE_MAX {
        bail!("a line of the chunked framing is longer than {SIZE_LINE_MAX} bytes");
    }
    if end.is_some() {
        line.truncate(line.trim_ascii_end().len());
    }
    Ok((end.is_some(), rest))
}

fn size(line: &[u8]) -> anyhow::Result<u64> {
    let text = std::str::from_utf8(line).context("a chunk's size is no text")?;
    let digits = text.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(digits, 16).with_context(|| format!("`{text}` is no size of a chunk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &[u8] = b"5\r\nhello\r\n1;name=value\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

    fn decode(pieces: &[&[u8]]) -> anyhow::Result<(String, bool)> {
        let (mut chunked, mut text) = (Chunked::default(), Vec::new());
        for piece in pieces {
            chunked.push(piece, &mut |data| text.extend_from_slice(data))?;
        }
        Ok((String::from_utf8(text)?, chunked.is_at_end()))
    }

    #[test]
    fn the_body_is_the_same_however_it_is_cut() {
        let expected = ("hello 0123456789".to_owned(), true);
        for size in 1..=WIRE.len() {
            let pieces: Vec<&[u8]> = WIRE.chunks(size).collect();
            assert_eq!(decode(&pieces).unwrap(), expected, "cut every {size} bytes");
        }
    }

    #[test]
    fn a_cut_body_is_not_at_its_end() {
        for length in 0..WIRE.len() {
            assert!(!decode(&[&WIRE[..length]]).unwrap().1, "{length} bytes");
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        for wire in [&b"x\r\n"[..], b"1\r\nab", b"\r\n", b"0\r\n\r\nmore", b"fffffffffffffffff\r\n"] {
            assert!(decode(&[wire]).is_err(), "{}", wire.escape_ascii());
        }
    }
}

//! Standard output and error. What files contain and are called ends up there: control characters are written as escapes, so
//! that no file moves the cursor or changes the title of a terminal.

use std::borrow::Cow;
use std::io::{Result, Stderr, StdoutLock, Write};

/// Standard output for text.
pub(crate) fn stdout() -> Visible<StdoutLock<'static>> {
    Visible(std::io::stdout().lock())
}

/// Standard error.
pub(crate) fn stderr() -> Visible<Stderr> {
    Visible(std::io::stderr())
}

/// Writes text with its control characters as escapes. Each call gets whole characters, as formatting does.
#[derive(Debug)]
pub(crate) struct Visible<W>(W);

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write_all(visible(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// Whether a character does something else than to be shown: control characters but line break and tabulator, and those that
/// turn the direction of writing.
fn is_hidden(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control() && !matches!(character, '\n' | '\t')
}

fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_text_is_left_alone() {
        let written = |text: &[u8]| {
            let mut out = Visible(Vec::new());
            out.write_all(text).unwrap();
            String::from_utf8(out.0).unwrap()
        };
        assert_eq!(written("µm\tη\n".as_bytes()), "µm\tη\n");
        let hostile = "a\x1b[31mb\r\x07\u{9b}2J\u{202e}c\x7f\0";
        let shown = r"a\u{1b}[31mb\r\u{7}\u{9b}2J\u{202e}c\u{7f}\u{0}";
        assert_eq!(written(hostile.as_bytes()), shown);
        assert_eq!(written(b"\xff\x1b"), "\u{fffd}\\u{1b}");
    }
}

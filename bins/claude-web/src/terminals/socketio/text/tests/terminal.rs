//! A terminal as far as OSC 52 goes, with the transitions of xterm.js 6.0.

#[derive(Debug, Clone, Default)]
pub(super) struct Terminal {
    state: State,
    /// How many strings it took for OSC 52, ended or not.
    pub(super) clipboards: usize,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Else,
    Escape,
    /// The number, like a double in JavaScript.
    Number(f64),
}

impl Terminal {
    pub(super) fn write(&mut self, text: &str) {
        for next in text.chars().filter(|next| *next != '\u{feff}') {
            self.state = match (self.state, next) {
                (_, '\x1b') => State::Escape,
                (State::Escape, ']') | (_, '\u{9d}') => State::Number(0.0),
                (_, '\x18' | '\x1a' | '\u{80}'..='\u{9f}') | (State::Number(_), '\x07') => State::Else,
                (State::Escape, '\x7f') => State::Escape,
                (State::Number(number), '0'..='9') => {
                    State::Number(number * 10.0 + f64::from(next.to_digit(10).unwrap()))
                }
                (State::Number(number), ';') => {
                    self.clipboards += usize::from(number == 52.0);
                    State::Else
                }
                (state @ (State::Escape | State::Number(_)), ..' ') => state,
                _ => State::Else,
            };
        }
    }
}

//! Questions on a terminal, asked again until the answer is usable.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::Error;
use crate::output::Format;

/// Asks on `output`, reads answers from `input`.
pub(crate) struct Prompt<R, W> {
    input: R,
    output: W,
}

/// The prompt of this run, if somebody sits at a terminal: questions on stderr, answers from stdin.
pub(crate) fn terminal(format: Format) -> Option<Prompt<impl BufRead, impl Write>> {
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asks = somebody && format == Format::Text;
    asks.then(|| Prompt { input: io::stdin().lock(), output: io::stderr() })
}

/// Goes on only when somebody types a word, or said so before.
pub(crate) fn confirm(format: Format, yes: bool, question: &str, word: &str) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    let mut prompt = terminal(format).ok_or(Error::Unasked)?;
    match prompt.ask(question, |typed| Ok(typed.to_owned()))? == word {
        true => Ok(()),
        false => Err(Error::NotTyped),
    }
}

impl<R: BufRead, W: Write> Prompt<R, W> {
    /// A prompt between any two.
    #[cfg(test)]
    pub(crate) fn over(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// Asks until `read` takes the answer, or nobody answers any more.
    pub(crate) fn ask<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let failed = |source| Error::Terminal { source };
        loop {
            write!(self.output, "{question} ")
                .and_then(|()| self.output.flush())
                .map_err(failed)?;
            let mut line = String::new();
            if self.input.read_line(&mut line).map_err(failed)? == 0 {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
            match read(line.trim()) {
                Ok(answer) => return Ok(answer),
                Err(error) => writeln!(self.output, "  {error}").map_err(failed)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_until_the_answer_is_usable() {
        let mut prompt = Prompt::over(&b"many\n 7 \n"[..], Vec::new());
        let number = |text: &str| text.parse::<u8>().map_err(|_| Error::rule("a number, please"));
        assert_eq!(prompt.ask("How many?", number).unwrap(), 7);
        assert!(matches!(prompt.ask("How many?", number), Err(Error::Terminal { .. })));
        insta::assert_snapshot!(String::from_utf8(prompt.output).unwrap(), @"
        How many?   a number, please
        How many? How many?
        ");
    }
}

//! Passphrases and PINs: from the terminal without echo, from a file descriptor, or from a program
//! that asks (as `ssh-askpass` does). Never from the command line or the environment, which other
//! processes can read.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::Error;

/// Octets of the longest passphrase.
const MAX_OCTETS: usize = 1024;

/// Where passphrases come from.
#[derive(Debug)]
pub enum Source {
    /// A program that shows its argument and writes the answer to its standard output.
    Askpass(PathBuf),
    /// An open descriptor: one line for each question.
    Descriptor(File),
    /// The terminal of the process.
    Terminal,
}

impl Source {
    /// From a descriptor that this process was started with.
    ///
    /// # Errors
    /// It is not open.
    pub fn descriptor(number: u32) -> Result<Self, Error> {
        let path = format!("/proc/self/fd/{number}");
        let opened =
            File::open(&path).map_err(|error| Error::Input(format!("descriptor {number}: {error}")))?;
        Ok(Self::Descriptor(opened))
    }

    /// Asks.
    ///
    /// # Errors
    /// Nobody answers, or with more than 1024 octets.
    pub fn ask(&mut self, prompt: &str) -> Result<Zeroizing<String>, Error> {
        let failed = |error: std::io::Error| Error::Input(format!("{prompt}: {error}"));
        match self {
            Self::Askpass(program) => {
                let mut child =
                    Command::new(program).arg(prompt).stdout(Stdio::piped()).spawn().map_err(failed)?;
                let answer = child.stdout.take().map(line).transpose().map_err(failed)?;
                let status = child.wait().map_err(failed)?;
                answer
                    .filter(|_| status.success())
                    .ok_or_else(|| Error::Input(format!("{prompt}: no answer")))
            }
            Self::Descriptor(file) => line(file).map_err(failed),
            Self::Terminal => {
                let mut terminal = terminal()?;
                let mut answer = || {
                    let _silence = Silence::of(&terminal)?;
                    write!(terminal, "{prompt}: ")?;
                    let answer = line(&terminal)?;
                    writeln!(terminal)?;
                    Ok(answer)
                };
                answer().map_err(failed)
            }
        }
    }
}

/// Asks a question on the terminal; only `y` or `yes` is yes.
///
/// # Errors
/// There is no terminal: nobody can be asked, and nobody has agreed.
pub fn confirm(question: &str) -> Result<bool, Error> {
    let mut terminal = terminal()?;
    let failed = |error: std::io::Error| Error::Input(format!("terminal: {error}"));
    write!(terminal, "{question} [y/N] ").map_err(failed)?;
    let mut answer = String::new();
    BufReader::new(terminal).read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn terminal() -> Result<File, Error> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|error| {
        Error::Input(format!("no terminal to ask on ({error}); see --passphrase-fd, --askpass and --yes"))
    })
}

/// One line, read octet by octet: what follows belongs to the next question.
fn line(mut from: impl std::io::Read) -> std::io::Result<Zeroizing<String>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(MAX_OCTETS));
    let mut octet = Zeroizing::new([0]);
    while from.by_ref().read(octet.as_mut_slice())? == 1 && *octet != *b"\n" {
        if octets.len() == MAX_OCTETS {
            return Err(std::io::Error::other("too long"));
        }
        octets.extend_from_slice(octet.as_slice());
    }
    if octets.last() == Some(&b'\r') {
        octets.pop();
    }
    let text = std::str::from_utf8(&octets).map_err(|_| std::io::Error::other("not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    fn of(terminal: &File) -> std::io::Result<Self> {
        let terminal = terminal.try_clone()?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nobody to tell; the shell resets its terminal.
        tcsetattr(&self.terminal, OptionalActions::Now, &self.before).unwrap_or(());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_answers_one_question_a_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secrets");
        std::fs::write(&path, "first phrase\r\nsecond\nthird").unwrap();
        let mut source = Source::Descriptor(File::open(path).unwrap());
        let answers: Vec<_> = (0..4).map(|_| source.ask("?").unwrap().to_string()).collect();
        assert_eq!(answers, ["first phrase", "second", "third", ""]);
    }

    #[test]
    fn a_program_that_fails_gives_no_passphrase() {
        assert!(Source::Askpass("/bin/false".into()).ask("?").is_err());
        assert_eq!(*Source::Askpass("/bin/echo".into()).ask("a phrase").unwrap(), "a phrase");
    }
}

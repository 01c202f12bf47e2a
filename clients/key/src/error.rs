//! Why something was not done, in words for the person at the terminal.

use std::fmt;

use cedrat_keyring::wire::Problem;

/// Why something was not done. No variant holds a secret or a word of a message's content.
#[derive(Debug)]
pub enum Error {
    /// The gateway refused.
    Gateway(Box<Problem>),
    /// What the user gave cannot be used: an option, a file, an address.
    Input(String),
    /// A private key or its token.
    Key(String),
    /// The gateway was not reached.
    Network(String),
    /// This client's own policy.
    Policy(String),
    /// What the gateway sent is not what this protocol has.
    Protocol(String),
    /// What the gateway sent is not signed by a key that was pinned, or contradicts itself.
    Untrusted(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(problem) => {
                write!(
                    f,
                    "the gateway refuses: {} ({})",
                    crate::show::plain(&problem.title),
                    problem.status
                )?;
                match &problem.detail {
                    Some(detail) => write!(f, ": {}", crate::show::plain(detail)),
                    None => Ok(()),
                }
            }
            Self::Input(what) | Self::Policy(what) => f.write_str(what),
            Self::Key(what) => write!(f, "private key: {what}"),
            Self::Network(what) => write!(f, "the gateway is not reached: {what}"),
            Self::Protocol(what) => write!(f, "the gateway does not speak this protocol: {what}"),
            Self::Untrusted(what) => write!(f, "not trusted: {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// A file that cannot be read or written.
pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |error| Error::Input(format!("{}: {error}", path.display()))
}

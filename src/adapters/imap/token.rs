//! OAuth tokens as somebody else renews them: in a file, or printed by a program.
//!
//! Either is read anew for every connection, so that a token that the server refuses is a new one with the next. How a
//! token is got from its issuer is that program's matter. It is run without a shell, and what it prints stays secret.

use std::{path::Path, process::Stdio, time::Duration};

use cedrat_wire_mail::smtp::Password;
use tokio::{io::AsyncReadExt as _, process::Command};

/// How long a program may take: it may ask a server that is far away.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most octets of a token. Those that hold signed claims have some thousand.
const MOST: u64 = 16 * 1024;

/// The token in a file.
///
/// # Errors
/// Why there is none, for the operator.
pub(super) async fn of_file(path: &Path) -> Result<Password, String> {
    let fault = |fault| format!("the token {} cannot be read: {fault}", path.display());
    let file = tokio::fs::File::open(path).await.map_err(fault)?;
    let mut content = Vec::new();
    file.take(MOST + 1).read_to_end(&mut content).await.map_err(fault)?;
    token(content, &path.display().to_string())
}

/// What a program prints.
///
/// # Errors
/// Why there is no token, for the operator; never what was printed.
pub(super) async fn of_command(command: &[String]) -> Result<Password, String> {
    let (program, arguments) = command.split_first().ok_or("`token_command` names no program")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|fault| format!("{program} cannot be started: {fault}"))?;
    let run = async {
        let mut printed = Vec::new();
        if let Some(output) = child.stdout.take() {
            let read = output.take(MOST + 1).read_to_end(&mut printed).await;
            read.map_err(|fault| format!("{program}: {fault}"))?;
        }
        let token = token(printed, program)?;
        let status = child.wait().await.map_err(|fault| format!("{program}: {fault}"))?;
        if status.success() { Ok(token) } else { Err(format!("{program} printed no token: {status}")) }
    };
    let late = |_| format!("{program} did not end within {} s", PATIENCE.as_secs());
    tokio::time::timeout(PATIENCE, run).await.map_err(late)?
}

/// One line of visible characters (RFC 6750 section 2.1).
fn token(octets: Vec<u8>, of: &str) -> Result<Password, String> {
    if octets.len() as u64 > MOST {
        return Err(format!("{of}: a token has at most {MOST} octets here"));
    }
    let text = String::from_utf8(octets).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(format!("{of}: a token is one line without spaces"));
    }
    Ok(Password::new(text.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::of_command;

    async fn printed(command: &[&str]) -> Result<String, String> {
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        of_command(&command).await.map(|token| token.expose().to_owned())
    }

    #[tokio::test]
    async fn a_token_is_what_a_program_prints_and_no_shell_reads_its_arguments() {
        assert_eq!(printed(&["printf", "%s\\n", "ya29.$HOME;x"]).await.unwrap(), "ya29.$HOME;x");
    }

    #[tokio::test]
    async fn a_program_that_fails_floods_or_prints_something_else_gives_no_token() {
        for (command, why) in [
            (&["false"][..], "one line"),
            (&["sh", "-c", "echo secret; exit 3"], "exit status: 3"),
            (&["yes"], "at most 16384 octets"),
            (&["printf", "a secret"], "without spaces"),
            (&["/nonexistent/program"], "cannot be started"),
        ] {
            let said = printed(command).await.unwrap_err();
            assert!(said.contains(why) && !said.contains("secret"), "{said}");
        }
    }
}

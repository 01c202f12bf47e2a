//! What the process that forks the workers tells the gateway beside the answers of the workers:
//! once that it is ready and what the kernel gives it, and for every worker its beginning and end.
//!
//! Each is one datagram of JSON. `Hello` comes on the control socket; a [`Notice`] comes on the
//! socket of the job that it speaks of, so that no number has to tie the two together.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::job::Denial;

/// Exit code of a worker that asked for more memory than a job may have.
pub const EXIT_MEMORY: i32 = 112;
/// Exit code of a worker that could not shut itself in, and therefore did not begin.
pub const EXIT_SANDBOX: i32 = 113;
/// Exit code of a worker that was asked what it does not understand.
pub const EXIT_PROTOCOL: i32 = 114;

/// The first thing said, on the control socket, when every library is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the worker; the gateway takes its own only.
    pub version: String,
    /// What shuts a worker in.
    pub sandbox: Sandbox,
    /// Why no worker can be forked; `None` when all is well.
    pub trouble: Option<String>,
}

/// What shuts a worker in, found by trying it in children of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sandbox {
    /// Whether Landlock restricts files; `false` where the kernel has none.
    pub landlock: bool,
    /// Whether Landlock restricts everything that it knows here (network and signals too; Linux
    /// 6.12). Without, the system call filter alone does that.
    pub landlock_full: bool,
    /// Whether system calls are filtered.
    pub seccomp: bool,
    /// What was tried and what became of it.
    pub denials: Vec<Denial>,
}

impl Sandbox {
    /// What is missing of a sandbox in which untrusted media may be decoded; empty = nothing.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.seccomp {
            missing.push("the kernel filters no system calls (CONFIG_SECCOMP_FILTER)".into());
        }
        if !self.landlock {
            missing.push("the kernel has no Landlock (Linux 5.13, and `landlock` among lsm=)".into());
        }
        missing.extend(self.denials.iter().filter(|denial| !denial.refused).map(|denial| {
            let mut text = String::from("a worker may ");
            text.push_str(&denial.tried);
            text
        }));
        missing
    }
}

/// What is said of one worker, on the socket of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// It ended by itself or was ended. A signal, or else an exit code; neither when it never was.
    Ended {
        /// Exit code.
        code: Option<i32>,
        /// Signal.
        signal: Option<i32>,
    },
    /// It was forked; its pidfd is the one descriptor beside this.
    Started,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_names_what_it_lacks() {
        let denial = |tried: &str, refused| Denial { tried: tried.into(), refused };
        let mut sandbox = Sandbox {
            landlock: true,
            landlock_full: false,
            seccomp: true,
            denials: alloc::vec![denial("open a file", true), denial("connect", true)],
        };
        assert!(sandbox.missing().is_empty(), "an older Landlock with a filter is enough");
        sandbox.denials.push(denial("run a program", false));
        assert_eq!(sandbox.missing(), ["a worker may run a program"]);
        assert_eq!(Sandbox::default().missing().len(), 2);
    }

    #[test]
    fn a_notice_is_no_reply() {
        let notice = serde_json::to_string(&Notice::Ended { code: None, signal: Some(9) }).unwrap();
        assert_eq!(notice, r#"{"ended":{"code":null,"signal":9}}"#);
        assert!(serde_json::from_str::<crate::job::Reply>(&notice).is_err());
    }
}

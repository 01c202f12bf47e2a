//! The gateway as a process of its own, for what only a process has: signals and an exit code.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) struct Process {
    child: Child,
    ports: HashMap<String, SocketAddr>,
    config: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts it with this configuration file and waits until it is ready.
    pub(crate) fn start(config: PathBuf) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cedrat"))
            .arg("run")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (_, listeners) = line.trim_end().split_once("is ready: ").unwrap_or_else(|| panic!("{line:?}"));
        let ports = listeners.split(", ").map(|one| one.split_once(' ').unwrap());
        // A mailbox is listened to, too, and has no address.
        let ports =
            ports.filter_map(|(side, address)| Some((side.to_owned(), address.parse().ok()?))).collect();
        Self { child, ports, config }
    }

    /// The port called `mm4`, `mail` or `admin`.
    pub(crate) fn port(&self, name: &str) -> SocketAddr {
        self.ports[name]
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads the configuration again, after this change to it.
    pub(crate) fn reload(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, change(text)).unwrap();
        self.signal(Signal::HUP);
    }

    /// Waits for its end; the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < Duration::from_secs(15), "it does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

//! A Cyrus as a private instance on loopback, in a directory of its own.
//!
//! Debian's packages of Cyrus and Dovecot exclude each other, so `./dev` unpacks this one beside the system.

use std::{
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::programs::{directory, free_port, is_root, present, ran, wait_for_port};
use crate::harness::{CERTIFICATES, skipped};

/// Where its files are: installed, or unpacked.
const ROOTS: [&str; 2] = ["/", "/usr/local/lib/cyrus-imapd"];

/// A Cyrus that shows mailboxes by IMAP over TLS. The user `anna` has the password `x`, also for SCRAM-SHA-256.
pub(super) struct Cyrus {
    root: PathBuf,
    directory: tempfile::TempDir,
    child: Child,
    pub(super) imap: SocketAddr,
}

impl Cyrus {
    /// With these lines more in its configuration.
    pub(super) fn start(more: &str) -> Option<Self> {
        let root = ROOTS.iter().map(PathBuf::from).find(|root| root.join("usr/lib/cyrus/bin/imapd").exists());
        if root.is_none() {
            skipped("there is no Cyrus");
        }
        let (root, passwords) = (root?, present("saslpasswd2").filter(|_| is_root())?);
        let directory = directory();
        let at = |name: &str| directory.path().join(name);
        // Who waits in IDLE is told by way of a socket in `state`.
        for name in ["mail", "run", "state/socket"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        // It gives up its rights before it reads them.
        for name in ["localhost.crt", "localhost.key"] {
            std::fs::copy(CERTIFICATES.path(name), at(name)).unwrap();
        }
        let secret = at("password");
        std::fs::write(&secret, "x").unwrap();
        let mut command = Command::new(passwords);
        command.args(["-c", "-p", "-u", "localhost", "-f"]).arg(at("sasldb2")).arg("anna");
        let given = std::fs::File::open(&secret).unwrap();
        assert!(command.stdin(given).status().unwrap().success());
        let here = directory.path().display();
        let config = format!(
            "configdirectory: {here}/state\ndefaultpartition: default\npartition-default: {here}/mail\n\
             proc_path: {here}/run/proc\nmboxname_lockpath: {here}/run/lock\nidlesocket: {here}/run/idle\n\
             notifysocket: {here}/run/notify\nlmtpsocket: {here}/run/lmtp\n\
             cyrus_user: nobody\ncyrus_group: nogroup\nservername: localhost\n\
             sasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\nsasl_sasldb_path: {here}/sasldb2\n\
             sasl_mech_list: PLAIN SCRAM-SHA-256\nallowplaintext: no\n\
             tls_server_cert: {here}/localhost.crt\ntls_server_key: {here}/localhost.key\n{more}"
        );
        std::fs::write(at("imapd.conf"), config).unwrap();
        let imap = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let program = |name: &str| {
            format!("{} -C {here}/imapd.conf", root.join("usr/lib/cyrus/bin").join(name).display())
        };
        let services = format!(
            "START {{\n recover cmd=\"{} -r\"\n}}\nSERVICES {{\n imaps cmd=\"{} -s\" listen=\"{imap}\" maxchild=50\n}}\n\
             DAEMON {{\n idled cmd=\"{}\"\n}}\nEVENTS {{\n}}\n",
            program("ctl_cyrusdb"),
            program("imapd"),
            program("idled")
        );
        std::fs::write(at("cyrus.conf"), services).unwrap();
        ran(Command::new("chown").args(["-R", "nobody:nogroup"]).arg(directory.path()));
        let child = Self::run(&root, directory.path());
        wait_for_port(imap);
        Some(Self { root, directory, child, imap })
    }

    /// In a group of its own, so that a kill means all its processes.
    fn run(root: &Path, directory: &Path) -> Child {
        let libraries = root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        let mut command = Command::new(root.join("usr/lib/cyrus/bin/master"));
        command.arg("-D").arg("-C").arg(directory.join("imapd.conf"));
        command.arg("-M").arg(directory.join("cyrus.conf")).arg("-p").arg(directory.join("run/pid"));
        command.env("LD_LIBRARY_PATH", libraries).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Without a word, all its processes: on SIGTERM it waits for its clients.
    fn end(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }

    /// Kills all of it and starts it again.
    pub(super) fn kill(&mut self) {
        self.end();
        self.child = Self::run(&self.root, self.directory.path());
        wait_for_port(self.imap);
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        self.end();
    }
}

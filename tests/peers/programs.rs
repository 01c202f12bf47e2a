//! Programs of other makes as private instances on loopback, each in a directory of its own.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use crate::harness::{CERTIFICATES, skipped};

/// Where a program is. On a machine without it the test is skipped and says so; under `CI=true`
/// that is a failure.
pub(super) fn present(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin:/usr/local/bin:/usr/bin";
    let found = path.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.exists());
    if found.is_none() {
        skipped(&format!("there is no {program}"));
    }
    found
}

pub(super) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped("a private mail system can be started by root only");
    }
    root
}

/// A port that was free a moment ago: these programs cannot be told to choose one.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(super) fn wait_for_port(address: SocketAddr) {
    for _ in 0..3000 {
        if TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing listens at {address}");
}

/// A directory that the users of these programs may enter.
pub(super) fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

pub(super) fn ran(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A Postfix.
pub(super) struct Postfix {
    program: PathBuf,
    directory: tempfile::TempDir,
    pub(super) address: SocketAddr,
}

impl Postfix {
    /// A port for one; its neighbours have to know it before it starts.
    pub(super) fn port() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], free_port()))
    }

    /// One that sends everything to `next`, except mail for `mms.gw.test`, which `gateway` gets.
    pub(super) fn start(address: SocketAddr, next: SocketAddr, gateway: SocketAddr) -> Option<Self> {
        let program = present("postfix").filter(|_| is_root())?;
        let directory = directory();
        let at = |name: &str| directory.path().join(name);
        for name in ["etc", "queue", "data"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        ran(Command::new("chown").arg("postfix").arg(at("data")));
        let here = directory.path().display();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {here}/queue\ndata_directory = {here}/data\n\
             maillog_file = {here}/maillog\nmaillog_file_prefixes = {here}\nmyhostname = relay.test\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nmydestination =\n\
             relayhost = [127.0.0.1]:{}\ntransport_maps = inline:{{ mms.gw.test=smtp:[127.0.0.1]:{} }}\n\
             disable_dns_lookups = yes\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
             smtp_tls_security_level = none\nsmtpd_tls_security_level = may\n\
             smtpd_tls_chain_files = {}, {}\nmessage_size_limit = 20000000\n",
            next.port(),
            gateway.port(),
            CERTIFICATES.path("localhost.key").display(),
            CERTIFICATES.path("localhost.crt").display(),
        );
        std::fs::write(at("etc/main.cf"), main).unwrap();
        // No chroot: the packaged one is not set up for a private instance.
        let mut services = format!("127.0.0.1:{} inet n - n - - smtpd\n", address.port());
        for (name, kind, private, wakeup, most, program) in [
            ("pickup", "unix", "n", "60", "1", "pickup"),
            ("cleanup", "unix", "n", "-", "0", "cleanup"),
            ("qmgr", "unix", "n", "300", "1", "qmgr"),
            ("tlsmgr", "unix", "-", "1000?", "1", "tlsmgr"),
            ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
            ("bounce", "unix", "-", "-", "0", "bounce"),
            ("defer", "unix", "-", "-", "0", "bounce"),
            ("trace", "unix", "-", "-", "0", "bounce"),
            ("proxymap", "unix", "-", "-", "-", "proxymap"),
            ("smtp", "unix", "-", "-", "-", "smtp"),
            ("relay", "unix", "-", "-", "-", "smtp"),
            ("error", "unix", "-", "-", "-", "error"),
            ("retry", "unix", "-", "-", "-", "error"),
            ("anvil", "unix", "-", "-", "1", "anvil"),
            ("scache", "unix", "-", "-", "1", "scache"),
            ("postlog", "unix-dgram", "n", "-", "1", "postlogd"),
        ] {
            services += &format!("{name} {kind} {private} - n {wakeup} {most} {program}\n");
        }
        std::fs::write(at("etc/master.cf"), services).unwrap();
        let postfix = Self { program, directory, address };
        postfix.control("start");
        wait_for_port(address);
        Some(postfix)
    }

    fn control(&self, verb: &str) {
        let output = Command::new(&self.program)
            .arg("-c")
            .arg(self.directory.path().join("etc"))
            .arg(verb)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stderr), self.log());
    }

    /// What it has logged, for the words of a failure.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("maillog")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
            let _ = Command::new(&self.program)
                .arg("-c")
                .arg(self.directory.path().join("etc"))
                .arg("stop")
                .output();
        } else {
            self.control("stop");
        }
    }
}

/// The key of OAuth tokens, in base64.
pub(super) const TOKEN_KEY: &str = "Y2VkcmF0IHRlc3RzIHNpZ24gdG9rZW5zIHdpdGggdGhpcw==";

/// A Dovecot that takes mail by LMTP into Maildirs and shows them by IMAP over TLS. Any password is right, and any token
/// signed with [`TOKEN_KEY`].
pub(super) struct Dovecot {
    program: PathBuf,
    directory: tempfile::TempDir,
    child: Child,
    pub(super) address: SocketAddr,
    /// With TLS from the first octet.
    pub(super) imap: SocketAddr,
}

impl Dovecot {
    pub(super) fn start() -> Option<Self> {
        let program = present("dovecot").filter(|_| is_root())?;
        for part in ["imap", "lmtp"] {
            let places = ["/usr/lib/dovecot", "/usr/libexec/dovecot"];
            if !places.iter().any(|place| Path::new(place).join(part).exists()) {
                skipped(&format!("Dovecot has no {part}"));
                return None;
            }
        }
        let directory = directory();
        let mail = directory.path().join("mail");
        std::fs::create_dir(&mail).unwrap();
        ran(Command::new("chown").arg("nobody").arg(&mail));
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let imap = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let here = directory.path().display();
        let config = directory.path().join("dovecot.conf");
        // Tokens are good that are signed with this key.
        let keys = directory.path().join("keys/default/HS256");
        std::fs::create_dir_all(&keys).unwrap();
        std::fs::write(keys.join("default"), TOKEN_KEY).unwrap();
        let oauth = format!(
            "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={here}/keys/\nusername_attribute = sub\n"
        );
        std::fs::write(directory.path().join("oauth2.conf"), oauth).unwrap();
        let text = format!(
            "base_dir = {here}/run\nstate_dir = {here}/state\nlog_path = {here}/log\nprotocols = imap lmtp\n\
             ssl = yes\nssl_cert = <{}\nssl_key = <{}\n\
             mail_location = maildir:{here}/mail/%u\nfirst_valid_uid = 1\nfirst_valid_gid = 0\n\
             auth_mechanisms = plain oauthbearer xoauth2\n\
             passdb {{\n driver = oauth2\n mechanisms = oauthbearer xoauth2\n args = {here}/oauth2.conf\n}}\n\
             passdb {{\n driver = static\n args = nopassword=y\n mechanisms = plain\n}}\n\
             userdb {{\n driver = static\n args = uid=nobody gid=nogroup home={here}/mail/%u allow_all_users=yes\n}}\n\
             service lmtp {{\n inet_listener lmtp {{\n  address = 127.0.0.1\n  port = {}\n }}\n}}\n\
             service imap-login {{\n inet_listener imap {{\n  port = 0\n }}\n \
             inet_listener imaps {{\n  address = 127.0.0.1\n  port = {}\n }}\n}}\n",
            CERTIFICATES.path("localhost.crt").display(),
            CERTIFICATES.path("localhost.key").display(),
            address.port(),
            imap.port()
        );
        std::fs::write(&config, text).unwrap();
        let child = Self::run(&program, &config);
        let dovecot = Self { program, directory, child, address, imap };
        dovecot.wait();
        Some(dovecot)
    }

    /// In a group of its own, so that a kill means all its processes.
    fn run(program: &Path, config: &Path) -> Child {
        let mut command = Command::new(program);
        command.arg("-F").arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
        command.process_group(0).spawn().unwrap()
    }

    fn wait(&self) {
        wait_for_port(self.address);
        wait_for_port(self.imap);
    }

    /// Kills all of it without a word and starts it again.
    pub(super) fn kill(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        self.child.wait().unwrap();
        // Sockets of processes that are still dying would pass for another Dovecot.
        let _ = std::fs::remove_dir_all(self.directory.path().join("run"));
        self.child = Self::run(&self.program, &self.directory.path().join("dovecot.conf"));
        self.wait();
    }

    /// The mails of a user that have arrived.
    pub(super) fn mails(&self, user: &str) -> Vec<String> {
        let folder = self.directory.path().join("mail").join(user).join("new");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default());
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Runs a client without holding up the tasks of this process.
pub(super) async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap()
}

//! The demonstration and the simulated peers, as a person starts them: the built program, its output
//! and its exit code.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::worker;

fn cedrat() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cedrat"));
    command.stdin(Stdio::null()).env_remove("CEDRAT_CONFIG");
    command
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// A simulator that runs until it is told to end.
struct Simulator {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Self {
        let mut command = cedrat();
        command.arg("simulate").args(arguments).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let from = line.find("127.0.0.1:").unwrap_or_else(|| panic!("no address in {line:?}"));
        let address = line[from..].split([';', '"']).next().unwrap().to_owned();
        Self { child, out, address }
    }

    /// As Ctrl-C does it; what was printed until the end.
    fn end(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn send(arguments: &[&str], to: &str) -> Output {
    cedrat().arg("simulate").args(arguments).args(["--to", to]).output().unwrap()
}

const MMS: [&str; 4] = ["mm4", "send", "--rcpt", "+447700900001"];
const MAIL: [&str; 4] = ["smtp", "send", "--rcpt", "bob@example.test"];

/// What the demonstration prints when it ends by itself; nothing of it goes on afterwards.
fn demonstration() -> String {
    let mut command = cedrat();
    command.args(["demo", "--once"]).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().unwrap();
    let group = rustix::process::Pid::from_child(&child);
    let output = child.wait_with_output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    let deadline = Instant::now() + Duration::from_secs(5);
    while rustix::process::test_kill_process_group(group).is_ok() {
        assert!(Instant::now() < deadline, "a child process is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = shown.split_whitespace().find(|word| word.ends_with("gateway.jsonl")).unwrap();
    assert!(!Path::new(log).parent().unwrap().exists(), "{log} is still there");
    shown
}

/// The words of a line of a table, from the one that begins with `name`.
fn row<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.trim_start().starts_with(name));
    line.unwrap_or_else(|| panic!("no {name:?} in\n{table}")).trim_start()[name.len()..]
        .split_whitespace()
        .collect()
}

fn number(word: &str) -> f64 {
    word.replace(',', "").parse().unwrap_or_else(|_| panic!("{word:?} is no number"))
}

#[test]
fn the_demonstration_shows_messages_and_reports_and_media_both_ways_and_leaves_nothing_behind() {
    let converts = worker().is_some();
    let shown = demonstration();
    for wanted in [
        "An MMS becomes an e-mail",
        "+447700900002@mms.gw.test",
        "Look at this! The water is still warm.",
        "+ image/png              sunset.png",
        "lossy         originator",
        "MM4_forward.RES Ok",
        "MM4_delivery_report.REQ Retrieved",
        "MM4_read_reply_report.REQ Read",
        "An e-mail becomes an MMS",
        "Friday is perfect, I take the train at 17:40.",
        "+ image/png              desk.png",
        "synthesized   content",
        "delivered 2.",
        "messages and their reports arrived",
    ] {
        assert!(shown.contains(wanted), "{wanted:?} is missing in\n{shown}");
    }
    for line in shown.lines() {
        assert!(line.chars().count() <= 100, "too wide: {line}");
        assert!(!line.contains('\x1b'), "colour without a terminal: {line}");
    }
    if converts {
        let (_, media) = shown.split_once("Media are made to fit").unwrap();
        let (there, back) = media.split_once("and Alice gets").unwrap();
        large_media_fit_the_handset(there);
        what_the_handset_has_is_what_a_mail_reader_opens(back);
    }
}

fn large_media_fit_the_handset(table: &str) {
    let photo = row(table, "photo.jpg");
    assert_eq!(photo[..2], ["image/jpeg", "4000x3000"]);
    assert!(number(photo[2]) > 1e6, "{photo:?}");
    assert_eq!(row(table, "voice.m4a")[..4], ["audio/mp4", "8.0", "s", "aac"]);
    assert_eq!(row(table, "clip.mp4")[..5], ["video/mp4", "1280x720", "5.0", "s", "h264+aac"]);

    assert_eq!(row(table, "→ photo.jpg")[..2], ["image/jpeg", "640x480"]);
    assert_eq!(row(table, "→ voice.amr")[..4], ["audio/amr", "8.0", "s", "amr"]);
    let clip = row(table, "→ clip.3gp");
    assert_eq!((clip[0], clip[1], clip[4]), ("video/3gpp", "176x144", "h263+amr"));
    assert!((number(clip[2]) - 5.0).abs() < 0.3, "{clip:?}");

    assert_eq!(row(table, "class video-basic")[..3], ["at", "most", "640x480"]);
    let octets = |name: &str| number(row(table, name).last().unwrap());
    let (sent, got, most) = (octets("all parts"), octets("→ all parts"), octets("class video-basic"));
    assert!(sent > 2e6 && most == 102_400.0, "{sent} {most}");
    assert!(
        (0.9 * most..=most).contains(&got),
        "{got} of {most}: none over it, and nothing smaller than it must be"
    );
}

fn what_the_handset_has_is_what_a_mail_reader_opens(table: &str) {
    assert_eq!(table.matches("→ as it was sent").count(), 1, "the photograph is what any reader shows");
    let voice = row(table, "→ voice.m");
    assert!(
        matches!(voice[..5], ["p3", "audio/mpeg", _, "s", "mp3"] | ["4a", "audio/mp4", _, "s", "aac"]),
        "{voice:?}"
    );
    let clip = row(table, "→ clip.mp4");
    assert_eq!((clip[0], clip[1], clip[4]), ("video/mp4", "176x144", "h264+aac"));
    for (seconds, sent) in [(voice[2], 8.0), (clip[2], 5.0)] {
        assert!((number(seconds) - sent).abs() < 0.3, "{seconds}");
    }
    assert!(table.contains("family mail-common-formats"), "{table}");
}

#[test]
fn the_same_seed_refuses_the_same_messages() {
    let fates = || {
        let simulator =
            Simulator::start(&["mm4", "--json", "--fail", "451:0.3", "--fail", "550:0.2", "--seed", "5"]);
        let sent = send(&[MMS.as_slice(), &["--count", "40"]].concat(), &simulator.address);
        assert_eq!(sent.status.code(), Some(1), "some were refused");
        let printed = simulator.end();
        let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (ended, pdus) = lines.split_last().unwrap();
        let fates: Vec<String> = pdus.iter().map(|pdu| pdu["fate"].as_str().unwrap().to_owned()).collect();
        let taken = fates.iter().filter(|fate| *fate == "taken").count();
        assert_eq!(ended["ended"]["taken"], taken);
        assert!(text(&sent.stdout).starts_with(&format!("{taken} taken, {} refused", 40 - taken)));
        fates
    };
    let first = fates();
    assert_eq!(first.len(), 40);
    assert!(first.iter().any(|fate| fate == "refused 451"));
    assert!(first.iter().any(|fate| fate == "refused 550"));
    assert_eq!(first, fates());
}

#[test]
fn a_message_that_was_taken_without_a_reply_is_kept_and_its_sender_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let simulator = Simulator::start(&["smtp", "--drop-after-dot", "1", "--dir", kept.to_str().unwrap()]);
    let sent = send(&[MAIL.as_slice(), &["--count", "3"]].concat(), &simulator.address);
    assert_eq!(sent.status.code(), Some(1));
    assert!(text(&sent.stderr).contains("the connection ended before the reply"), "{}", text(&sent.stderr));
    assert!(simulator.end().contains("0 taken, 3 taken and dropped, 0 refused"));
    let files: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        assert!(std::fs::read_to_string(file).unwrap().contains("Hello from a simulated mail user."));
    }
}

#[test]
fn a_mail_sink_shows_what_a_mail_reader_shows() {
    let simulator = Simulator::start(&["smtp"]);
    let dir = tempfile::tempdir().unwrap();
    let picture = dir.path().join("cat.jpg");
    std::fs::write(&picture, vec![7; 1500]).unwrap();
    let arguments =
        ["--subject", "Grüße\u{1b}[2J", "--text", "Bis Freitag!", "--attach", picture.to_str().unwrap()];
    let sent = send(&[MAIL.as_slice(), &arguments].concat(), &simulator.address);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let shown = simulator.end();
    for wanted in
        ["From     alice@example.test", "Subject  Grüße", "| Bis Freitag!", "+ cat.jpg  image/jpeg  1.5 kB"]
    {
        assert!(shown.contains(wanted), "{wanted:?} is missing in\n{shown}");
    }
    assert!(!shown.contains('\x1b'), "a message moves no cursor");
}

#[test]
fn many_messages_over_many_sessions_all_arrive() {
    let simulator = Simulator::start(&["mm4", "--quiet", "--delay", "5"]);
    let sent = send(
        &[MMS.as_slice(), &["--count", "200", "--sessions", "10", "--octets", "30000"]].concat(),
        &simulator.address,
    );
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(text(&sent.stdout).starts_with("200 taken, 0 refused of 200"));
    assert!(simulator.end().starts_with("200 taken, 0 taken and dropped, 0 refused"));
}

#[test]
fn wrong_usage_is_told_apart_from_a_peer_that_cannot_be_reached() {
    for wrong in [
        vec!["mm4", "--fail", "250:0.1"],
        vec!["mm4", "--answer", "perhaps"],
        vec!["mm4", "--report", "lost"],
        vec!["smtp", "--report", "lost"],
        vec!["smtp", "send", "--rcpt", "bob@example.test"],
        vec!["smtp", "send", "--to", "127.0.0.1:9", "--rcpt", "bob@example.test", "--notify", "always"],
    ] {
        let output = cedrat().arg("simulate").args(&wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = send(&MAIL, &nobody);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot be reached"), "{}", text(&output.stderr));
}

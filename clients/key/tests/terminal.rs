//! A person at a terminal: `script` plays the terminal, the test the person.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cedrat_keyring::session::State;

use crate::gateway::Gateway;
use crate::handoff::pinned;
use crate::made::{PHRASE, PLAIN, decrypt, has, identity, message, openssl};

struct Person {
    child: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    seen: String,
}

impl Person {
    /// Types a command; none of its words may need quoting.
    fn at(home: &Path, gateway: &Gateway, arguments: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_cedrat-key");
        let command = format!(
            "{program} --home state --gateway {} --ca {} --token-file {} {arguments}",
            gateway.url,
            gateway.ca.display(),
            gateway.token.display(),
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keyboard, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, keyboard, screen, seen: String::new() }
    }

    /// Reads until a question is on the screen, and answers it.
    fn answers(&mut self, question: &str, answer: &str) {
        let mut octet = [0];
        while !self.seen.ends_with(question) {
            assert_eq!(self.screen.read(&mut octet).unwrap(), 1, "no {question:?}: {}", self.seen);
            self.seen.push(char::from(octet[0]));
        }
        writeln!(self.keyboard, "{answer}").unwrap();
    }

    /// What else is shown, and whether the program says that it was done.
    fn reads_on(mut self) -> (String, bool) {
        self.screen.read_to_string(&mut self.seen).unwrap();
        (self.seen, self.child.wait().unwrap().success())
    }
}

#[test]
fn a_person_who_says_yes_hands_out_a_key_and_the_passphrase_is_not_on_the_screen() {
    let Some((home, gateway)) = pinned() else { return };
    if !has("script", "bsdutils") {
        return;
    }
    let home = home.path();
    identity(home, "bob", "P-256");
    std::fs::write(home.join("phrase"), PHRASE).unwrap();
    openssl(home, "pkcs8 -topk8 -in bob.key -out bob.p8 -v2 aes-256-cbc -passout file:phrase");
    let cms = message(home, "bob", "-aes-256-gcm");
    gateway.offer("hs_1", &cms);
    let mut person = Person::at(home, &gateway, "grant hs_1 --key bob.p8 --certificate bob.pem");
    person.answers("Hand out the key of this message? [y/N] ", "y");
    person.answers("Passphrase of bob.p8: ", PHRASE);
    let (seen, done) = person.reads_on();
    assert!(done && seen.contains("Alice <alice@sender.example>"), "{seen}");
    assert!(!seen.contains(PHRASE), "{seen}");
    assert_eq!(decrypt(&cms, &gateway.key("hs_1")).as_deref(), Some(PLAIN));
}

#[test]
fn anything_but_yes_is_no() {
    let Some((home, gateway)) = pinned() else { return };
    if !has("script", "bsdutils") {
        return;
    }
    let home = home.path();
    identity(home, "bob", "P-256");
    gateway.offer("hs_1", &message(home, "bob", "-aes-256-gcm"));
    for answer in ["", "n", "maybe", "yes please"] {
        let mut person = Person::at(home, &gateway, "grant hs_1 --key bob.key --certificate bob.pem");
        person.answers("[y/N] ", answer);
        let (seen, done) = person.reads_on();
        assert!(!done && seen.contains("nothing was handed out"), "{answer}: {seen}");
    }
    assert_eq!(gateway.state().sessions["hs_1"].state(), State::AwaitingKey);
    assert!(!home.join("state/log.jsonl").exists(), "no key was touched");
}

#[test]
fn a_changed_gateway_key_is_pinned_only_when_the_person_says_that_it_was_confirmed() {
    let Some((home, gateway)) = pinned() else { return };
    if !has("script", "bsdutils") {
        return;
    }
    let home = home.path();
    let before = std::fs::read(home.join("state/pins.json")).unwrap();
    gateway.state().signer = cedrat_keyring::wire::jws::Signer::from_scalar("gw-2026-2", &[8; 32]).unwrap();
    let pin = format!("pin {}", gateway.url);
    let mut person = Person::at(home, &gateway, &pin);
    person.answers("confirmed the change? [y/N] ", "n");
    let (seen, done) = person.reads_on();
    assert!(!done && seen.contains("OTHER KEYS ARE PINNED"), "{seen}");
    assert_eq!(std::fs::read(home.join("state/pins.json")).unwrap(), before);
    let mut person = Person::at(home, &gateway, &pin);
    person.answers("confirmed the change? [y/N] ", "y");
    assert!(person.reads_on().1);
    let (seen, done) = Person::at(home, &gateway, &pin).reads_on();
    assert!(done && seen.contains("pinned already"), "{seen}");
}

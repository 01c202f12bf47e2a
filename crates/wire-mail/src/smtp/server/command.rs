//! What each command does on the server side, and when it may come (RFC 5321 section 4.1.4).

use super::{Closing, Event, Open, Pending, Phase, Server};
use crate::smtp::{
    Protocol, Reply,
    command::{Command, parse_mail, parse_rcpt},
};
use alloc::{boxed::Box, string::ToString};
use cedrat_session::Step;

impl Server {
    pub(super) fn line(&mut self, line: &[u8]) {
        let Ok(line) = core::str::from_utf8(line) else {
            if line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT")) {
                return self.bdat(None);
            }
            self.fault(&Reply::new(500, (5, 5, 2), "The command is not UTF-8"));
            return;
        };
        let long = line.len() + 2 > self.config.limits.command_octets;
        match Command::parse(line) {
            Ok(command @ (Command::Auth { .. } | Command::Bdat(_))) => self.command(command),
            Ok(_) if long => self.fault(&Reply::new(500, (5, 5, 2), "Line too long")),
            Ok(command) => self.command(command),
            Err(reply) => self.fault(&reply),
        }
    }

    fn command(&mut self, command: Command<'_>) {
        if matches!(self.phase, Phase::TurnedAway) && command != Command::Quit {
            self.fault(&bad_sequence("Only QUIT is possible"));
            return;
        }
        let in_clear = matches!(
            command,
            Command::Ehlo(_) | Command::Lhlo(_) | Command::Noop | Command::Quit | Command::StartTls
        );
        if self.config.require_tls && !self.secure && !in_clear {
            self.fault(&Reply::new(530, (5, 7, 0), "Must issue a STARTTLS command first"));
            // The octets after BDAT must not be read as commands.
            if matches!(command, Command::Bdat(_)) {
                self.close(Closing::Desynchronized);
            }
            return;
        }
        match command {
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial),
            Command::Bdat(size) => self.bdat(size),
            Command::Data => self.data(),
            Command::Ehlo(domain) | Command::Helo(domain) if self.config.protocol == Protocol::Smtp => {
                self.hello(domain, matches!(command, Command::Ehlo(_)));
            }
            Command::Lhlo(domain) if self.config.protocol == Protocol::Lmtp => self.hello(domain, true),
            Command::Ehlo(_) | Command::Helo(_) => {
                self.fault(&Reply::new(500, (5, 5, 1), "This is LMTP: use LHLO"));
            }
            Command::Lhlo(_) => self.fault(&Reply::new(500, (5, 5, 1), "This is SMTP: use EHLO")),
            Command::Expn => self.fault(&Reply::new(502, (5, 5, 1), "EXPN is not implemented")),
            Command::Help => self.write(&Reply::new(214, (2, 0, 0), "See RFC 5321")),
            Command::Mail(arguments) => self.mail(arguments),
            Command::Noop => self.write(&Reply::new(250, (2, 0, 0), "OK")),
            Command::Quit => {
                self.write(&Reply::new(221, (2, 0, 0), "Bye"));
                self.close(Closing::Quit);
            }
            Command::Rcpt(arguments) => self.rcpt(arguments),
            Command::Rset => {
                self.reset();
                self.write(&Reply::new(250, (2, 0, 0), "OK"));
            }
            Command::StartTls => self.start_tls(),
            Command::Vrfy => self.write(&Reply::new(252, (2, 1, 0), "Send a message to find out")),
        }
    }

    fn hello(&mut self, domain: &str, extended: bool) {
        if domain.is_empty() {
            self.fault(&Reply::new(501, (5, 5, 4), "A name is required"));
            return;
        }
        self.reset();
        self.greeted = true;
        let mut text = self.config.hostname.clone();
        if extended {
            for line in self.offered.lines() {
                text.push('\n');
                text.push_str(&line);
            }
        }
        self.write(&Reply::bare(250, text));
        self.event(Event::Hello { domain: domain.to_string(), extended });
    }

    fn start_tls(&mut self) {
        if !self.offered.starttls {
            let text = if self.secure { "TLS is on already" } else { "TLS is not available" };
            self.fault(&bad_sequence(text));
            return;
        }
        if self.open.is_some() {
            self.fault(&bad_sequence("Not within a transaction"));
            return;
        }
        self.write(&Reply::new(220, (2, 0, 0), "Go ahead"));
        self.flush();
        self.steps.push_back(Step::StartTls);
        self.phase = Phase::Tls;
        // Whatever was sent along in clear text may come from someone else (RFC 3207 section 6).
        self.input.clear();
    }

    fn mail(&mut self, arguments: &str) {
        if !self.greeted {
            let verb = if self.config.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
            let mut text = verb.to_string();
            text.push_str(" first");
            self.fault(&bad_sequence(&text));
            return;
        }
        if self.config.require_auth && self.user.is_none() {
            self.fault(&Reply::new(530, (5, 7, 0), "Authentication required"));
            return;
        }
        if self.open.is_some() {
            self.fault(&bad_sequence("A transaction is open already"));
            return;
        }
        let mail = match parse_mail(arguments, &self.offered, self.form()) {
            Ok(mail) => mail,
            Err(reply) => return self.fault(&reply),
        };
        let max = self.config.limits.max_octets;
        if max > 0 && mail.size.is_some_and(|size| size > max) {
            self.write(&too_large());
            return;
        }
        self.pending = Some(Pending::Mail(Open {
            smtputf8: mail.smtputf8,
            body: mail.body,
            recipients: 0,
            overshoot: 0,
            octets: 0,
            received: 0,
            chunked: false,
        }));
        self.event(Event::Mail(Box::new(mail)));
    }

    fn rcpt(&mut self, arguments: &str) {
        let form = self.form();
        let Some(open) = self.open.as_mut().filter(|open| !open.chunked) else {
            self.fault(&bad_sequence("MAIL first"));
            return;
        };
        if open.recipients >= self.config.limits.max_recipients {
            open.overshoot += 1;
            let reply = Reply::new(452, (4, 5, 3), "Too many recipients");
            if open.overshoot > self.config.limits.max_recipients {
                self.fault(&reply);
            } else {
                self.write(&reply);
            }
            return;
        }
        match parse_rcpt(arguments, &self.offered, form, open.smtputf8) {
            Ok(rcpt) => {
                self.pending = Some(Pending::Recipient);
                self.event(Event::Recipient(Box::new(rcpt)));
            }
            Err(reply) => self.fault(&reply),
        }
    }
}

pub(super) fn bad_sequence(text: &str) -> Reply {
    Reply::new(503, (5, 5, 1), text)
}

pub(super) fn too_large() -> Reply {
    Reply::new(552, (5, 3, 4), "The message is larger than accepted here")
}

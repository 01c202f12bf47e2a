//! Dialogs with the server side: how content comes, BDAT, LMTP, too much of it (RFC 3030, RFC 2033).

use super::harness::{config, serve};
use crate::smtp::{Extensions, Protocol};
use alloc::format;

#[test]
fn bdat_counts_octets_and_looks_at_none() {
    // RFC 3030 section 4.2, and content that would end DATA or be commands.
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<Sam@random.test> BODY=BINARYMIME
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<Susan@random.test>
        E: rcpt *
        A: ok
        S: 250 *
        C| BDAT 12\r\na\n.\r\n.\r\nQUIT\r\n
        E: chunk a\n.\r\n.\r\nQUIT
        S: 250 2.0.0 *
        S: 500 5.5.2 Empty command
        C: NOOP
        S: 250 2.0.0 OK
        ",
    );
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C| MAIL FROM:<a@b.test>\r\n
        E: mail *
        A: ok
        S: 250 *
        C: DATA
        S: 554 5.5.1 *
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *
        C| BDAT 3\r\n\r\n.
        E: chunk \r\n.
        S: 250 2.0.0 *
        C: DATA
        S: 503 5.5.1 *
        C: RCPT TO:<e@f.test>
        S: 503 5.5.1 *
        C: BDAT 0 LAST
        E: end 3
        A: ok
        S: 250 2.0.0 *
        C| BDAT 6 LAST\r\nQUIT\r\n
        S: 503 5.5.1 *
        C| BDAT 5 L\xffST\r\nRSET\r\n
        S: 501 5.5.4 *
        E: closed Desynchronized
        CLOSE
        ",
    );
}

#[test]
fn bdat_after_a_refused_sender_swallows_its_octets() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C| MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\nNOOP\r\n
        E: mail *
        A: 550 5.7.1 no
        S: 550 5.7.1 no
        S: 503 5.5.1 *
        S: 503 5.5.1 *
        S: 503 5.5.1 *
        S: 250 2.0.0 OK
        ",
    );
}

#[test]
fn binary_content_cannot_come_with_data() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<a@b.test> BODY=BINARYMIME
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 503 5.5.1 *
        ",
    );
}

#[test]
fn lmtp_answers_for_each_accepted_recipient() {
    // RFC 2033 section 4.2, the example.
    let mut config = config();
    config.protocol = Protocol::Lmtp;
    config.extensions = Extensions::default();
    config.limits.max_octets = 10;
    serve(
        &config,
        r"
        S: 220 mx.test LMTP
        C: EHLO foo.test
        S: 500 5.5.1 *
        C: LHLO foo.test
        S: 250 mx.test
        E: hello foo.test true
        C: MAIL FROM:<chris@bar.test>
        E: mail *
        A: ok
        S: 250 *
        C: DATA
        S: 503 5.5.1 *
        C: RCPT TO:<pat@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: RCPT TO:<jones@foo.test>
        E: rcpt *
        A: 550 5.1.1 No such user here
        S: 550 *
        C: RCPT TO:<green@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        E: end 0
        A: 250 2.0.0 pat | 452 4.2.2 green is full
        S: 250 2.0.0 pat
        S: 452 4.2.2 green is full
        C: MAIL FROM:<chris@bar.test>
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<pat@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: RCPT TO:<green@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 354 *
        C| 0123456789\r\n.\r\n
        E: chunk 0123456789
        S: 552 5.3.4 *
        S: 552 5.3.4 *
        E: reset
        ",
    );
}

#[test]
fn a_message_that_grows_too_large_is_refused_after_its_end() {
    let mut config = config();
    config.limits.max_octets = 10;
    config.extensions = Extensions { chunking: true, ..Extensions::default() };
    let open = r"
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *";
    let text = format!(
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *{open}
        C: DATA
        S: 354 *
        C| 01234567890\r\n.\r\nNOOP\r\n
        E: chunk 0123456789
        S: 552 5.3.4 *
        E: reset
        S: 250 2.0.0 OK{open}
        C| BDAT 11 LAST\r\n0123456789\nNOOP\r\n
        S: 552 5.3.4 *
        E: reset
        S: 250 2.0.0 OK{open}
        C: BDAT 9000000 LAST
        S: 552 5.3.4 *
        E: closed Overrun
        CLOSE
        "
    );
    // In one piece only: in smaller ones the first octets are within the limit and come out.
    let mut server = crate::smtp::server::Server::new(config, [0; 32]);
    crate::smtp::dialog::run(
        &text,
        &mut server,
        usize::MAX,
        super::harness::describe,
        super::harness::answer,
    )
    .unwrap();
}

use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;

fn parse(octets: &[u8]) -> (Headers, usize) {
    Headers::parse(&Bytes::copy_from_slice(octets), &Limits::default()).unwrap()
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    headers.iter().map(|header| (header.name().to_string(), header.value().to_string())).collect()
}

#[test]
fn a_whitespace_only_line_continues_the_header_above() {
    let input = b"To: +4477009000011/TYPE=PLMN\r\n \r\nX-Mms-Message-ID:\"1@mms.test\"\r\n\r\nbody";
    let (headers, body) = parse(input);
    assert_eq!(headers.first("to"), Some("+4477009000011/TYPE=PLMN"));
    assert_eq!(headers.first("x-mms-message-id"), Some("\"1@mms.test\""));
    assert_eq!(&input[body..], b"body");
    assert_eq!(headers.iter().next().unwrap().raw(), b"To: +4477009000011/TYPE=PLMN\r\n ");
}

#[test]
fn what_real_peers_send_is_read() {
    let input = b"From mailer Tue Jan  1 00:00:00 2030\nFrom : a@peer.test\nX-Mms-Originator-R/S-Delivery-Report:No\n\
        Subject:\nComments: gr\xfc\xdfe\n\ta\rb\nnot a header line\n";
    let (headers, body) = parse(input);
    assert_eq!(headers.first("From"), Some("a@peer.test"));
    assert_eq!(headers.first("x-mms-originator-r/s-delivery-report"), Some("No"));
    assert_eq!(headers.first("Subject"), Some(""));
    assert_eq!(headers.first("Comments"), Some("gr\u{fffd}\u{fffd}e\ta b"));
    assert_eq!(&*headers.all("comments").next().unwrap().octets(), b"gr\xfc\xdfe\ta b");
    assert!(input[body..].starts_with(b"not a header line"));
}

#[test]
fn an_empty_block_has_an_empty_line_or_nothing() {
    assert_eq!(parse(b"\r\nbody").1, 2);
    assert_eq!(parse(b"\nbody").1, 1);
    assert_eq!(parse(b"").1, 0);
    assert_eq!(parse(b"body").1, 0);
    assert_eq!(parse(b" \r\nbody").1, 3);
}

#[test]
fn received_headers_are_written_back_octet_for_octet() {
    let input =
        b"Received: from a.test\r\n\tby b.test;\r\n  Tue, 1 Jan 2030 00:00:00 +0000\r\nX-a:1\r\n".as_slice();
    let mut out = Vec::new();
    parse(input).0.encode(&mut out);
    assert_eq!(out, input);
}

#[test]
fn bare_line_feeds_are_written_as_crlf() {
    let mut out = Vec::new();
    parse(b"A: 1\n 2\r 3\nB: 4\n\n").0.encode(&mut out);
    assert_eq!(out, b"A: 1\r\n 2  3\r\nB: 4\r\n");
}

#[test]
fn a_value_cannot_smuggle_in_a_header() {
    let header = Header::new("Subject\r\nX", "hello\r\nBcc: x@y.test\u{0}");
    let mut out = Vec::new();
    Headers::from_iter([header]).encode(&mut out);
    assert_eq!(parse(&out).0.len(), 1);
    assert_eq!(parse(&out).0.first("Subject--X"), Some("hello  Bcc: x@y.test"));
}

#[test]
fn each_limit_is_an_error_that_says_where() {
    let limits = Limits { header_octets: 100, headers: 3, line_octets: 40, ..Limits::default() };
    let parse = |octets: String| Headers::parse(&Bytes::from(octets), &limits);
    let kind = |octets: String| parse(octets).unwrap_err().kind;
    assert_eq!(kind(format!("A: {}\n\n", "x".repeat(38))), Kind::LineTooLong);
    assert_eq!(kind("A: 1\n".repeat(4)), Kind::TooManyHeaders);
    assert_eq!(kind(format!("A: 1\n{}\n", " 2345678\n".repeat(12))), Kind::HeadersTooLarge);
    assert_eq!(parse("x".repeat(1000)).unwrap().1, 0, "a long line that is no header is body");
    assert!(parse(format!("A: {}\r\n\r\n", "x".repeat(37))).is_ok());
}

#[test]
fn removing_and_prepending_keep_the_order() {
    let (mut headers, _) = parse(b"A: 1\nB: 2\na: 3\n\n");
    assert_eq!(headers.remove("A"), 2);
    headers.prepend(Header::new("Received", "by x.test"));
    headers.push(Header::new("C", "4"));
    let names: Vec<_> = headers.iter().map(Header::name).collect();
    assert_eq!(names, ["Received", "B", "C"]);
}

proptest! {
    #[test]
    fn what_is_made_here_is_read_back(name in "[!-9;-~]{1,30}", value in "\\PC{0,200}") {
        let header = Header::new(name.clone(), value);
        let mut out = Vec::new();
        Headers::from_iter([header.clone()]).encode(&mut out);
        out.extend_from_slice(b"\r\nbody");
        let (headers, body) = parse(&out);
        prop_assert_eq!(pairs(&headers), vec![(name, header.value().to_string())]);
        prop_assert_eq!(&out[body..], b"body");
    }

    #[test]
    fn lines_are_folded_where_white_space_allows(words in prop::collection::vec("[a-z]{1,60}", 1..40)) {
        let header = Header::new("X-Words", words.join(" "));
        for line in header.raw().split(|octet| *octet == b'\n') {
            prop_assert!(line.len() <= FOLD_AT + 1);
        }
    }

    #[test]
    fn any_octets_are_read_and_written_stably(octets in prop::collection::vec(
        prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'A'), any::<u8>()], 0..200)) {
        let (headers, body) = parse(&octets);
        prop_assert!(body <= octets.len());
        let mut once = Vec::new();
        headers.encode(&mut once);
        once.extend_from_slice(b"\r\n");
        let (again, end) = parse(&once);
        prop_assert_eq!(end, once.len());
        prop_assert_eq!(pairs(&headers), pairs(&again));
    }
}

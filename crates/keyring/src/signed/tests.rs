use super::*;

#[test]
fn lines_that_end_in_lf_alone_are_made_canonical_and_others_left() {
    assert_eq!(canonical(b"a\r\nb\r\n"), None);
    assert_eq!(canonical(b"a\rb"), None);
    assert_eq!(canonical(b"\na\nb\r\n\r\r\n\n").as_deref(), Some(&b"\r\na\r\nb\r\n\r\r\n\r\n"[..]));
}

#[test]
fn nothing_is_read_deeper_than_the_limit() {
    let mut deep = alloc::vec![0x30, 0x80].repeat(1000);
    assert_eq!(Signed::read(&deep, &Limits::default()).unwrap_err(), Malformed::TooDeep);
    // Pieces within pieces.
    let mut walk = Walk::of(&deep, 16);
    assert!(walk.any("an element").is_err());
    deep = b"\x24\x80\x24\x05\x04\x01a\x04\x00\x04\x01b\0\0".to_vec();
    assert_eq!(&*Walk::of(&deep, 16).octet_string("octets").unwrap(), b"ab");
    assert_eq!(Walk::of(&deep, 1).octet_string("octets"), Err(Malformed::TooDeep));
}

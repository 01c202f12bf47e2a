//! Subscriber numbers and addresses as they may stand in a log: enough to tell two apart while
//! looking at a fault, not enough to call anybody.

/// `+447700900001` → `+4477***001`, `alice@example.org` → `a***@example.org`, anything else its
/// first character and `***`. With `reveal`, the text itself.
pub fn address(text: &str, reveal: bool) -> String {
    if reveal {
        return text.to_owned();
    }
    if let Some((local, domain)) = text.rsplit_once('@') {
        return format!("{}@{domain}", address(local, false));
    }
    let digits = text.trim_start_matches('+');
    let plus = if digits.len() < text.len() { "+" } else { "" };
    if digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit()) {
        let head = digits.get(..4).unwrap_or("");
        let tail = digits.get(digits.len() - 3..).unwrap_or("");
        return format!("{plus}{head}***{tail}");
    }
    let first: String = text.chars().take(1).collect();
    format!("{first}***")
}

/// Free text, such as what a next hop answered, with every address and number in it redacted.
pub fn text(text: &str, reveal: bool) -> String {
    if reveal {
        return text.to_owned();
    }
    words(text, |word, out| {
        let bare = word.trim_end_matches('.');
        if bare.contains('@') {
            out.push_str(&address(bare, false));
            out.push_str(word.get(bare.len()..).unwrap_or(""));
        } else {
            numbers(word, false, out);
        }
    })
}

/// An identifier that a peer has made, with the international numbers in it redacted: some build
/// them from the number of a subscriber. What else it is made of stays, so that it can be found.
pub fn identifier(text: &str, reveal: bool) -> String {
    if reveal { text.to_owned() } else { words(text, |word, out| numbers(word, true, out)) }
}

/// Calls `write` for every run of characters that an address may be made of and keeps the rest.
fn words(text: &str, write: impl Fn(&str, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || "+@._-%=/".contains(c) {
            word.push(c);
        } else {
            write(&word, &mut out);
            word.clear();
            out.push(c);
        }
    }
    write(&word, &mut out);
    out
}

/// Eight digits or more that stand alone, only after a plus sign where `international`.
fn numbers(word: &str, international: bool, out: &mut String) {
    for piece in word.split_inclusive(|c: char| !c.is_alphanumeric() && c != '+') {
        let number = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        let digits = number.trim_start_matches('+');
        let is_number = digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit());
        if is_number && (!international || digits.len() < number.len()) {
            out.push_str(&address(number, false));
            out.push_str(piece.get(number.len()..).unwrap_or(""));
        } else {
            out.push_str(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{address, identifier, text};

    #[test]
    fn a_log_line_cannot_be_dialled() {
        assert_eq!(address("+447700900001", false), "+4477***001");
        assert_eq!(address("alice@example.org", false), "a***@example.org");
        assert_eq!(address("+447700900001@mms.example", false), "+4477***001@mms.example");
        assert_eq!(address("7255", false), "7***");
        assert_eq!(address("", false), "***");
        assert_eq!(address("+447700900001", true), "+447700900001");
    }

    #[test]
    fn what_others_say_of_an_address_is_no_way_around() {
        for (said, shown) in [
            ("550 5.1.1 <alice@example.org>: no such user", "550 5.1.1 <a***@example.org>: no such user"),
            ("recipient +447700900001 is not known here", "recipient +4477***001 is not known here"),
            ("not known: +447700900001/TYPE=PLMN.", "not known: +4477***001/TYPE=PLMN."),
            ("write to bob@example.org.", "write to b***@example.org."),
            ("mx.far.test at 192.0.2.1:25: refused", "mx.far.test at 192.0.2.1:25: refused"),
            ("queued as 1a20c4e607e00000", "queued as 1a20c4e607e00000"),
            ("+447700900001", "+4477***001"),
        ] {
            assert_eq!(text(said, false), shown);
            assert_eq!(text(said, true), said);
        }
        assert_eq!(identifier("v1x1.+447700900001", false), "v1x1.+4477***001");
        assert_eq!(identifier("20261124120000123@mms.test", false), "20261124120000123@mms.test");
    }
}

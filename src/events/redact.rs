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

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_log_line_cannot_be_dialled() {
        assert_eq!(address("+447700900001", false), "+4477***001");
        assert_eq!(address("alice@example.org", false), "a***@example.org");
        assert_eq!(address("+447700900001@mms.example", false), "+4477***001@mms.example");
        assert_eq!(address("7255", false), "7***");
        assert_eq!(address("", false), "***");
        assert_eq!(address("+447700900001", true), "+447700900001");
    }
}

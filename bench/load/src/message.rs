//! The message that is sent: an MM4_forward.REQ (TS 23.140 clause 8.4.1) with SMIL, a text and one picture that fills
//! it up to the size asked for. Built once; only the number in its identifiers changes from message to message.

/// Digits of the number in every identifier.
const DIGITS: usize = 10;

/// One message with the places where its number stands.
#[derive(Clone)]
pub struct Template {
    octets: Vec<u8>,
    places: Vec<usize>,
}

impl Template {
    /// A message of `octets` octets, or the smallest possible one when that is less. It contains no line that starts
    /// with a dot, so that it needs no dot-stuffing.
    pub fn new(octets: usize, from: &str, to: &str, tag: &str) -> Self {
        let id = format!("{tag}.{}", "#".repeat(DIGITS));
        let head = format!(
            "X-Mms-3GPP-MMS-Version: 6.10.0\r\n\
             X-Mms-Message-Type: MM4_forward.REQ\r\n\
             X-Mms-Transaction-ID: \"T{id}\"\r\n\
             X-Mms-Message-ID: \"M{id}@mms.peer.test\"\r\n\
             X-Mms-Message-Class: Personal\r\n\
             X-Mms-Priority: Normal\r\n\
             X-Mms-Delivery-Report: No\r\n\
             X-Mms-Read-Reply: No\r\n\
             X-Mms-Sender-Visibility: Show\r\n\
             X-Mms-Ack-Request: No\r\n\
             X-Mms-Originator-System: mms-agent@mms.peer.test\r\n\
             From: {from}\r\n\
             To: {to}\r\n\
             Subject: A picture from the harbour\r\n\
             Date: Tue, 03 Nov 2026 10:15:00 +0000\r\n\
             Message-ID: <{id}@mms.peer.test>\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/related; type=\"application/smil\"; start=\"<smil>\"; boundary=\"part-of-load\"\r\n\
             \r\n\
             --part-of-load\r\n\
             Content-Type: application/smil; charset=utf-8\r\n\
             Content-ID: <smil>\r\n\
             \r\n\
             <smil><head><layout><region id=\"Image\" top=\"0\" height=\"70%\"/>\
             <region id=\"Text\" top=\"70%\" height=\"30%\"/></layout></head>\r\n\
             <body><par dur=\"5s\"><img src=\"harbour.jpg\" region=\"Image\"/>\
             <text src=\"harbour.txt\" region=\"Text\"/></par></body></smil>\r\n\
             --part-of-load\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Location: harbour.txt\r\n\
             \r\n\
             We are back at seven. Keep some soup for us!\r\n\
             --part-of-load\r\n\
             Content-Type: image/jpeg; name=\"harbour.jpg\"\r\n\
             Content-Location: harbour.jpg\r\n\
             Content-Transfer-Encoding: base64\r\n\
             \r\n\
             /9j/4AAQSkZJRgABAQEASABIAAD/\r\n"
        );
        let tail = "--part-of-load--\r\n";
        let room = octets.saturating_sub(head.len() + tail.len());
        let mut message = head.into_bytes();
        message.extend(filler(room));
        message.extend(tail.as_bytes());
        let mark = "#".repeat(DIGITS).into_bytes();
        let places = message
            .windows(DIGITS)
            .enumerate()
            .filter(|(_, window)| *window == mark.as_slice())
            .map(|(at, _)| at)
            .collect();
        Self { octets: message, places }
    }

    /// The message as it goes over the wire, without the final dot, its identifiers made from `number`.
    pub fn with_number(&mut self, number: u64) -> &[u8] {
        let digits = format!("{number:0DIGITS$}");
        for place in &self.places {
            if let Some(target) = self.octets.get_mut(*place..place + DIGITS) {
                target.copy_from_slice(&digits.as_bytes()[..DIGITS]);
            }
        }
        &self.octets
    }
}

/// Base64 lines of at most 76 characters, about `room` octets in all: noise, as a compressed picture is.
fn filler(room: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut lines = Vec::with_capacity(room);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    while lines.len() < room {
        let quads = ((room - lines.len()) / 4).clamp(1, 19);
        for _ in 0..quads * 4 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            lines.push(ALPHABET[(state >> 58) as usize]);
        }
        lines.extend(b"\r\n");
    }
    lines
}

//! Bearer tokens: OAUTHBEARER (RFC 7628) and the older XOAUTH2 that Google and Microsoft took before it.
//!
//! Where the token is from and when it is renewed is not known here.

use crate::Password;
use alloc::string::String;
use zeroize::Zeroizing;

/// In which of the two forms a token is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BearerForm {
    /// RFC 7628: a GS2 header, then fields.
    OauthBearer,
    /// Without a standard: the same fields after `user=`.
    Xoauth2,
}

impl BearerForm {
    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
        }
    }
}

/// The one message of a client. Control characters are left out: they would begin another field.
#[must_use]
pub fn bearer_message(form: BearerForm, user: &str, token: &Password) -> Zeroizing<String> {
    let token = token.expose();
    // Grown once: what a growing string leaves behind is not erased.
    let mut message = Zeroizing::new(String::with_capacity(user.len() * 3 + token.len() + 48));
    match form {
        BearerForm::OauthBearer => {
            message.push_str("n,a=");
            for char in user.chars().filter(|char| !char.is_control()) {
                match char {
                    ',' => message.push_str("=2C"),
                    '=' => message.push_str("=3D"),
                    other => message.push(other),
                }
            }
            message.push(',');
        }
        BearerForm::Xoauth2 => {
            message.push_str("user=");
            message.extend(user.chars().filter(|char| !char.is_control()));
        }
    }
    message.push_str("\u{1}auth=Bearer ");
    message.extend(token.chars().filter(|char| !char.is_control()));
    message.push_str("\u{1}\u{1}");
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_forms_differ_only_in_how_the_user_is_named() {
        let token = Password::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".to_string());
        // RFC 7628 section 4.1, without the optional host and port.
        assert_eq!(
            bearer_message(BearerForm::OauthBearer, "user@example.com", &token).as_str(),
            "n,a=user@example.com,\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}"
        );
        assert_eq!(
            bearer_message(BearerForm::Xoauth2, "someuser@example.com", &token).as_str(),
            "user=someuser@example.com\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}"
        );
    }

    #[test]
    fn neither_user_nor_token_adds_a_field() {
        let token = Password::new("t\u{1}host=evil\r\n".to_string());
        let message = bearer_message(BearerForm::OauthBearer, "a,b=c\u{1}x", &token);
        assert_eq!(message.as_str(), "n,a=a=2Cb=3Dcx,\u{1}auth=Bearer thost=evil\u{1}\u{1}");
    }
}

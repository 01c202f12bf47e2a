//! The page for browsers: HTML, style and script as they lie beside this file, each in the program and
//! none from elsewhere.
//!
//! Nothing of them is made here, so that what a reviewer reads is what a browser runs.

use http_body_util::{Either, Full};
use hyper::{
    Response,
    body::Bytes,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use super::super::router::Content;

/// Nothing but what this gateway serves: no inline script, no other host, no frame, no form that
/// leaves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Name of the page itself among the files.
pub(super) const PAGE: &str = "page.html";

const FILES: [(&str, &str, &str); 11] = [
    ("der.js", SCRIPT, include_str!("page/der.js")),
    ("gateway.js", SCRIPT, include_str!("page/gateway.js")),
    ("keyfile.js", SCRIPT, include_str!("page/keyfile.js")),
    ("octets.js", SCRIPT, include_str!("page/octets.js")),
    ("page.css", STYLE, include_str!("page/page.css")),
    (PAGE, HTML, include_str!("page/page.html")),
    ("page.js", SCRIPT, include_str!("page/page.js")),
    ("recipient.js", SCRIPT, include_str!("page/recipient.js")),
    ("seal.js", SCRIPT, include_str!("page/seal.js")),
    ("session.js", SCRIPT, include_str!("page/session.js")),
    ("words.js", SCRIPT, include_str!("page/words.js")),
];

/// A file of the page; `None` when there is none of that name.
pub(super) fn file(name: &str) -> Option<Response<Content>> {
    let (_, kind, text) = FILES.into_iter().find(|(known, ..)| *known == name)?;
    let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_asks_for_is_served() {
        let mut asked = Vec::new();
        for (_, kind, text) in FILES {
            let marks: &[&str] =
                if kind == HTML { &["src=\"/handoff/", "href=\"/handoff/"] } else { &["from \"./"] };
            for mark in marks {
                asked.extend(text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()));
            }
        }
        assert!(asked.len() > 10, "{asked:?}");
        for name in asked {
            assert!(file(name).is_some(), "{name}");
        }
        assert!(file("mod.rs").is_none());
    }

    #[test]
    fn nothing_in_the_page_is_made_of_text() {
        for (name, _, text) in FILES {
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "style=\"",
                "<style",
                " onclick=",
            ] {
                assert!(!text.contains(way), "{name}: {way}");
            }
        }
    }
}

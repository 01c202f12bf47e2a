//! SOAP 1.1: the envelope around a request and an answer, and faults.
//!
//! Not here: actors other than the next one, encoding styles, and SOAP 1.2, which is told apart and
//! refused as §4.4.1 says.

use super::xml::{self, Element, Writer};

/// Namespace of SOAP 1.1 envelopes.
pub const NAMESPACE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The actor that everybody is.
const NEXT: &str = "http://schemas.xmlsoap.org/soap/actor/next";

/// Whose fault it is (§4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The message is wrong.
    Client,
    /// A header that must be understood is not.
    MustUnderstand,
    /// The message may be right, we are not.
    Server,
    /// Another SOAP.
    VersionMismatch,
}

impl FaultCode {
    /// With the prefix that is written for [`NAMESPACE`].
    pub const fn qualified(self) -> &'static str {
        match self {
            Self::Client => "soap:Client",
            Self::MustUnderstand => "soap:MustUnderstand",
            Self::Server => "soap:Server",
            Self::VersionMismatch => "soap:VersionMismatch",
        }
    }

    /// As in events.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Client => "soap-client",
            Self::MustUnderstand => "soap-must-understand",
            Self::Server => "soap-server",
            Self::VersionMismatch => "soap-version-mismatch",
        }
    }
}

/// Why there is no STI answer at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault.
    pub code: FaultCode,
    /// For a person.
    pub text: String,
}

impl Fault {
    /// A fault.
    pub fn new(code: FaultCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// As an envelope. A fault of a header has no detail (§4.4), and others need none.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.open("soap:Envelope", &[("xmlns:soap", NAMESPACE)]);
        writer.open("soap:Body", &[]);
        writer.open("soap:Fault", &[]);
        writer.leaf("faultcode", self.code.qualified());
        writer.leaf("faultstring", &self.text);
        writer.finish()
    }
}

/// Reads an envelope and gives what its body holds.
///
/// # Errors
/// The fault that answers it.
pub fn open(octets: &[u8], limits: &xml::Limits) -> Result<Element, Fault> {
    let client = |text: &str| Fault::new(FaultCode::Client, text);
    let envelope = xml::read(octets, limits).map_err(|fault| client(&fault.to_string()))?;
    if envelope.name != "Envelope" {
        return Err(Fault::new(
            FaultCode::Client,
            format!("the root element is {}, not the Envelope of SOAP 1.1", envelope.name),
        ));
    }
    if envelope.namespace != NAMESPACE {
        return Err(Fault::new(
            FaultCode::VersionMismatch,
            format!("the Envelope is of {:?}; this is SOAP 1.1, {NAMESPACE}", envelope.namespace),
        ));
    }
    let of_soap = |element: &&Element| element.namespace == NAMESPACE;
    for header in envelope.all("Header").filter(of_soap).flat_map(|header| &header.children) {
        let said = |name: &str| {
            header
                .attribute(name)
                .filter(|attribute| attribute.namespace == NAMESPACE)
                .map_or("", |attribute| attribute.value.trim())
        };
        if said("mustUnderstand") == "1" && ["", NEXT].contains(&said("actor")) {
            return Err(Fault::new(
                FaultCode::MustUnderstand,
                format!("the header {} must be understood and is not known here", header.name),
            ));
        }
    }
    let mut bodies = envelope.children.into_iter().filter(|child| child.name == "Body" && of_soap(&child));
    let (Some(body), None) = (bodies.next(), bodies.next()) else {
        return Err(client("the Envelope must have one Body"));
    };
    let mut children = body.children.into_iter();
    match (children.next(), children.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(client("the Body must have one element, a TranscodingRequest")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Result<Element, FaultCode> {
        open(text.as_bytes(), &xml::Limits::default()).map_err(|fault| fault.code)
    }

    fn envelope(header: &str, body: &str) -> String {
        format!("<s:Envelope xmlns:s='{NAMESPACE}'>{header}<s:Body>{body}</s:Body></s:Envelope>")
    }

    #[test]
    fn the_body_is_taken_out_of_its_envelope() {
        assert_eq!(opened(&envelope("", "<r/>")).unwrap().name, "r");
        let optional =
            "<s:Header><h/><i s:mustUnderstand='0'/><j s:mustUnderstand='1' s:actor='urn:other'/></s:Header>";
        assert_eq!(opened(&envelope(optional, "<r/>")).unwrap().name, "r");
    }

    #[test]
    fn what_is_no_soap_says_whose_fault_it_is() {
        assert_eq!(opened("no xml"), Err(FaultCode::Client));
        assert_eq!(opened("<r/>"), Err(FaultCode::Client));
        assert_eq!(opened(&envelope("", "")), Err(FaultCode::Client));
        assert_eq!(opened(&envelope("", "<a/><b/>")), Err(FaultCode::Client));
        assert_eq!(
            opened("<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Body><r/></Body></Envelope>"),
            Err(FaultCode::VersionMismatch)
        );
        let header = "<s:Header><sec s:mustUnderstand='1'/></s:Header>";
        assert_eq!(opened(&envelope(header, "<r/>")), Err(FaultCode::MustUnderstand));
        let next = format!("<s:Header><sec s:mustUnderstand='1' s:actor='{NEXT}'/></s:Header>");
        assert_eq!(opened(&envelope(&next, "<r/>")), Err(FaultCode::MustUnderstand));
    }

    #[test]
    fn a_fault_is_an_envelope_with_its_text_escaped() {
        let text = Fault::new(FaultCode::Client, "<bad> & \"worse\"").write();
        let fault = opened(&text).unwrap();
        assert_eq!(fault.name, "Fault");
        assert_eq!(fault.text_of("faultcode"), Some("soap:Client"));
        assert_eq!(fault.text_of("faultstring"), Some("<bad> & \"worse\""));
    }
}

//! Whether a mail is from whom it says: SPF (RFC 7208), DKIM (RFC 6376, 8463) and DMARC, stated in
//! Authentication-Results (RFC 8601). Only for peers that ask for it and never for MM4, whose
//! peers are known by address, certificate or password. ARC is not looked at.

use std::{net::IpAddr, time::Duration};

use cedrat_message::{Blame, Reason, Refusal};
use mail_auth::{
    AuthenticatedMessage, AuthenticationResults, DmarcResult, SpfResult,
    common::headers::HeaderWriter,
    dmarc::{Policy, verify::DmarcParameters},
    spf::verify::SpfParameters,
};

use super::dns::Resolver;
use crate::config::Authentication;

/// How long all look-ups of one message may take before it counts as a temporary fault of the sender's DNS.
const TIME: Duration = Duration::from_secs(20);

/// What was found.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The header to put in front, with its line end.
    pub header: String,
    /// `pass`, `fail`, `none`, ...: DMARC in one word.
    pub dmarc: &'static str,
}

/// Checks one message.
///
/// # Errors
/// Under `Enforce`: `AuthenticationFailed` when the domain's policy says reject, `DnsUnavailable`
/// when the policy cannot be looked up now.
pub async fn check(
    resolver: &Resolver,
    policy: Authentication,
    host: &str,
    ip: IpAddr,
    helo: &str,
    mail_from: &str,
    octets: &[u8],
) -> Result<Option<Verdict>, Refusal> {
    if policy == Authentication::Off {
        return Ok(None);
    }
    let checked = tokio::time::timeout(TIME, verify(resolver, host, ip, helo, mail_from, octets)).await;
    let Ok((verdict, result, wanted)) = checked else {
        if policy == Authentication::Enforce {
            return Err(Refusal::new(
                Reason::DnsUnavailable,
                Blame::Peer,
                "the sender's domain policy could not be looked up in time",
            ));
        }
        return Ok(None);
    };
    if policy == Authentication::Enforce {
        match result {
            DmarcResult::Fail(_) if wanted == Policy::Reject => {
                return Err(Refusal::new(
                    Reason::AuthenticationFailed,
                    Blame::Peer,
                    format!("DMARC: {}", verdict.header.trim()),
                ));
            }
            DmarcResult::TempError(_) => {
                return Err(Refusal::new(
                    Reason::DnsUnavailable,
                    Blame::Peer,
                    format!("DMARC: {}", verdict.header.trim()),
                ));
            }
            _ => {}
        }
    }
    Ok(Some(verdict))
}

async fn verify(
    resolver: &Resolver,
    host: &str,
    ip: IpAddr,
    helo: &str,
    mail_from: &str,
    octets: &[u8],
) -> (Verdict, DmarcResult, Policy) {
    let authenticator = resolver.authenticator();
    let spf_of = if mail_from.is_empty() {
        SpfParameters::verify_ehlo(ip, helo, host)
    } else {
        SpfParameters::verify_mail_from(ip, helo, host, mail_from)
    };
    let spf = authenticator.verify_spf(spf_of).await;
    let results = AuthenticationResults::new(host);
    let mut results = if mail_from.is_empty() {
        results.with_spf_ehlo_result(&spf, ip, helo)
    } else {
        results.with_spf_mailfrom_result(&spf, ip, mail_from, helo)
    };
    let mut dmarc = (DmarcResult::None, Policy::None);
    if let Some(message) = AuthenticatedMessage::parse(octets) {
        let dkim = authenticator.verify_dkim(&message).await;
        let domain = mail_from.rsplit_once('@').map_or(helo, |(_, domain)| domain);
        let output = authenticator
            .verify_dmarc(DmarcParameters {
                message: &message,
                dkim_output: &dkim,
                dkim2_output: None,
                rfc5321_mail_from_domain: domain,
                spf_output: &spf,
            })
            .await;
        results = results.with_dkim_results(&dkim, message.from()).with_dmarc_result(&output);
        dmarc = (output.result(), output.policy());
    }
    let word = match (&dmarc.0, spf.result()) {
        (DmarcResult::Pass, _) => "pass",
        (DmarcResult::Fail(_), _) => "fail",
        (DmarcResult::TempError(_), _) => "temperror",
        (DmarcResult::PermError(_), _) => "permerror",
        (DmarcResult::None, SpfResult::Fail) => "spf-fail",
        (DmarcResult::None, _) => "none",
    };
    (Verdict { header: results.to_header(), dmarc: word }, dmarc.0, dmarc.1)
}

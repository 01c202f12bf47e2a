//! HTTP/1.1 over TLS (or to a loopback address without), as much as this client needs: one request per connection, bodies in memory,
//! no redirects, no cookies, no proxies.
//!
//! The whole of it is here because an asynchronous stack would be nine tenths of the program that
//! holds private keys.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use zeroize::Zeroizing;

use crate::{Error, address::Address};

/// Bounds of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets of an answer, its header included. Default 4194304: a list of some hundred sessions.
    pub answer: usize,
    /// Time for the connection, and for each silence of the gateway beyond what it was asked to wait.
    /// Default 20 s.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: 4 << 20, patience: Duration::from_secs(20) }
    }
}

/// How the user is known to the gateway.
pub enum Credential {
    /// A bearer token (RFC 6750).
    Bearer(Zeroizing<String>),
    /// A client certificate, with its chain.
    Certificate(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
}

/// A gateway, not connected.
pub struct Http {
    address: Address,
    tls: Arc<ClientConfig>,
    bearer: Option<Zeroizing<String>>,
    limits: Limits,
}

/// A request.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// GET, PUT, POST, DELETE.
    pub method: &'a str,
    /// Path and query; the caller has checked what it put into it.
    pub path: &'a str,
    /// JSON.
    pub body: Option<&'a [u8]>,
    /// Of `If-None-Match`.
    pub unless: Option<&'a str>,
    /// How long the gateway may keep silent.
    pub wait: Duration,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// ETag.
    pub etag: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Credential {
    /// A client certificate and its key from PEM files.
    ///
    /// # Errors
    /// A file cannot be read or holds none.
    pub fn certificate(chain: &std::path::Path, key: &std::path::Path) -> Result<Self, Error> {
        let pem = |path: &std::path::Path| {
            let path = path.display().to_string();
            move |error| Error::Input(format!("{path}: {error}"))
        };
        let certificates = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(pem(chain))?;
        Ok(Self::Certificate(certificates, PrivateKeyDer::from_pem_file(key).map_err(pem(key))?))
    }
}

impl Http {
    /// A gateway whose certificate must lead to one of `roots`, or to one that the system trusts when
    /// there are none.
    ///
    /// # Errors
    /// The credential or a root cannot be used.
    pub fn new(
        address: Address,
        roots: Vec<CertificateDer<'static>>,
        credential: Option<Credential>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        let given = !roots.is_empty();
        let roots = if given { roots } else { rustls_native_certs::load_native_certs().certs };
        for root in roots {
            match store.add(root) {
                Err(error) if given => return Err(Error::Input(format!("root certificate: {error}"))),
                _ => {} // the system's store may hold what nobody can read
            }
        }
        let refuse = |error| Error::Input(format!("TLS: {error}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refuse)?
            .with_root_certificates(store);
        let (tls, bearer) = match credential {
            None => (builder.with_no_client_auth(), None),
            Some(Credential::Bearer(token)) => {
                if token.is_empty() || !token.bytes().all(|c| c.is_ascii_graphic()) {
                    return Err(Error::Input("the bearer token is empty or has illegal characters".into()));
                }
                (builder.with_no_client_auth(), Some(token))
            }
            Some(Credential::Certificate(chain, key)) => {
                (builder.with_client_auth_cert(chain, key).map_err(refuse)?, None)
            }
        };
        Ok(Self { address, tls: Arc::new(tls), bearer, limits })
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`Error::Network`] when the gateway is not reached, [`Error::Protocol`] when its answer is none.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let mut stream = self.connect(request.wait)?;
        let mut head = Zeroizing::new(String::with_capacity(1024));
        head.push_str(&format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: application/json, application/problem+json\r\n",
            request.method,
            request.path,
            self.address.authority()
        ));
        if let Some(token) = &self.bearer {
            for part in ["Authorization: Bearer ", token, "\r\n"] {
                head.push_str(part);
            }
        }
        if let Some(etag) = request.unless {
            head.push_str(&format!("If-None-Match: {etag}\r\n"));
        }
        if let Some(body) = request.body {
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let network = |error: std::io::Error| Error::Network(error.to_string());
        stream.write_all(head.as_bytes()).map_err(network)?;
        stream.write_all(request.body.unwrap_or_default()).map_err(network)?;
        stream.flush().map_err(network)?;
        let mut octets = Vec::new();
        let limit = u64::try_from(self.limits.answer).unwrap_or(u64::MAX);
        let mut limited = stream.take(limit.saturating_add(1));
        // A gateway that closes without the alert of TLS is noticed by the length of the answer.
        match limited.read_to_end(&mut octets) {
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(network(error)),
            _ => {}
        }
        if octets.len() > self.limits.answer {
            return Err(Error::Protocol("an answer that is too long".into()));
        }
        answer(&octets).map_err(|what| Error::Protocol(what.into()))
    }

    fn connect(&self, wait: Duration) -> Result<Box<dyn Stream>, Error> {
        let network = |error: std::io::Error| Error::Network(format!("{}: {error}", self.address));
        let mut last = std::io::Error::other("no address");
        for address in (self.address.host.as_str(), self.address.port).to_socket_addrs().map_err(network)? {
            match TcpStream::connect_timeout(&address, self.limits.patience) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(network)?;
                    stream.set_read_timeout(Some(self.limits.patience + wait)).map_err(network)?;
                    stream.set_write_timeout(Some(self.limits.patience)).map_err(network)?;
                    if !self.address.tls {
                        return Ok(Box::new(stream));
                    }
                    let name = ServerName::try_from(self.address.host.clone())
                        .map_err(|error| Error::Input(format!("{}: {error}", self.address)))?;
                    let connection = ClientConnection::new(Arc::clone(&self.tls), name)
                        .map_err(|error| Error::Network(format!("TLS: {error}")))?;
                    return Ok(Box::new(StreamOwned::new(connection, stream)));
                }
                Err(error) => last = error,
            }
        }
        Err(network(last))
    }
}

/// What a request goes over.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// Reads one whole answer; informational ones before it are passed over.
fn answer(mut octets: &[u8]) -> Result<Answer, &'static str> {
    const MALFORMED: &str = "not HTTP/1.1";
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = head.parse(octets).map_err(|_| MALFORMED)? else {
            return Err("an answer that breaks off");
        };
        let status = head.code.ok_or(MALFORMED)?;
        let rest = octets.get(length..).unwrap_or_default();
        if (100..200).contains(&status) {
            octets = rest;
            continue;
        }
        let field = |name: &str| {
            let mut values = head.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            let value = values.next().and_then(|field| std::str::from_utf8(field.value).ok());
            if values.next().is_some() { Err(MALFORMED) } else { Ok(value.map(str::trim)) }
        };
        let body = match (field("transfer-encoding")?, field("content-length")?) {
            _ if status == 204 || status == 304 => Vec::new(),
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => chunks(rest)?,
            (None, Some(length)) => {
                let length: usize = length.parse().map_err(|_| MALFORMED)?;
                rest.get(..length).ok_or("an answer that breaks off")?.to_vec()
            }
            _ => return Err("an answer of unknown length"),
        };
        let etag = field("etag")?.filter(|etag| etag.bytes().all(|c| c.is_ascii_graphic()));
        return Ok(Answer { status, etag: etag.map(Into::into), body });
    }
}

/// The chunked coding (RFC 9112 §7.1); trailers are not looked at.
fn chunks(mut octets: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((head, size))) = httparse::parse_chunk_size(octets) else {
            return Err("a chunk that is none");
        };
        if size == 0 {
            return Ok(body);
        }
        let rest = octets.get(head..).unwrap_or_default();
        let size = usize::try_from(size).map_err(|_| "a chunk that is too long")?;
        let (chunk, rest) = rest.split_at_checked(size).ok_or("a chunk that breaks off")?;
        body.extend_from_slice(chunk);
        octets = rest.strip_prefix(b"\r\n").ok_or("a chunk that is none")?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_each_of_its_forms() {
        let with = |status, etag: Option<&str>, body: &str| {
            Ok(Answer { status, etag: etag.map(Into::into), body: body.as_bytes().to_vec() })
        };
        assert_eq!(
            answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"a\"\r\n\r\n{}"),
            with(200, Some("\"a\""), "{}")
        );
        assert_eq!(
            answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"),
            with(200, None, "{}")
        );
        assert_eq!(
            answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"),
            with(304, None, "")
        );
    }

    #[test]
    fn an_answer_that_is_cut_or_says_two_things_is_none() {
        for octets in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n{}",
            "SSH-2.0-OpenSSH_9.2\r\n",
        ] {
            assert!(answer(octets.as_bytes()).is_err(), "{octets}");
        }
    }
}

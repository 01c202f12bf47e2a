//! Fetching a document that others named, without becoming their errand boy.
//!
//! A URL is asked for only when the configuration names its host, only at addresses on the public
//! Internet (all that the name has, so that one good answer hides no bad one), only at the address
//! that was checked, without following redirects, and never longer or more than the limits allow.
//! Knows nothing of what the document says.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    adapters::smtp::dns::Resolver,
    config::media::{DocumentUrl, FetchHost, MediaRules},
    tls,
};

/// Bounds of one fetch.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Octets of the body. Default 64 KiB, the longest document that is read.
    pub octets: usize,
    /// From the look-up to the last octet. Default 5 s: nobody waits for it, but it holds a task.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 64 << 10, time: Duration::from_secs(5) }
    }
}

/// Asks hosts on a list.
pub struct Guard {
    hosts: Vec<FetchHost>,
    /// Whether they may be at addresses that are not on the Internet.
    private: bool,
    resolver: Resolver,
    /// `None` when this machine has no root certificates.
    tls: Option<Arc<ClientConfig>>,
    limits: Limits,
}

impl Guard {
    /// A guard for the hosts of the configuration.
    pub fn new(rules: &MediaRules, resolver: Resolver, limits: Limits) -> Self {
        Self {
            hosts: rules.uaprof_fetch.clone(),
            private: rules.uaprof_private,
            resolver,
            tls: tls::client(true, None, None).ok(),
            limits,
        }
    }

    /// The body that a URL names.
    ///
    /// # Errors
    /// Why there is none, for the operator.
    pub async fn fetch(&self, url: &DocumentUrl) -> Result<Vec<u8>, String> {
        if !self.hosts.iter().any(|host| host.allows(url)) {
            return Err(format!("{} is not a host that may be asked", url.authority()));
        }
        let fetched = timeout(self.limits.time, self.fetch_allowed(url)).await;
        fetched.unwrap_or_else(|_| Err(format!("no answer within {} s", self.limits.time.as_secs())))
    }

    async fn fetch_allowed(&self, url: &DocumentUrl) -> Result<Vec<u8>, String> {
        let addresses =
            self.resolver.addresses(&url.host, url.port).await.map_err(|refusal| format!("{refusal:?}"))?;
        if let Some(bad) = addresses.iter().find(|address| !self.private && !is_public(address.ip())) {
            return Err(format!("{} is at {}, which is not on the Internet", url.host, bad.ip()));
        }
        let stream = connect(&addresses).await?;
        if url.secure {
            let tls = self.tls.clone().ok_or("there are no root certificates to verify with")?;
            let name = ServerName::try_from(url.host.clone()).map_err(|fault| fault.to_string())?;
            let stream =
                TlsConnector::from(tls).connect(name, stream).await.map_err(|fault| fault.to_string())?;
            self.ask(url, stream).await
        } else {
            self.ask(url, stream).await
        }
    }

    /// One GET over a connection that is used for nothing else.
    async fn ask<S>(&self, url: &DocumentUrl, stream: S) -> Result<Vec<u8>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let told = |fault: hyper::Error| fault.to_string();
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(64)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(told)?;
        let driver = tokio::spawn(connection);
        let request = Request::get(url.path.as_str())
            .header("host", url.authority())
            .header("accept", "application/xml, application/rdf+xml, text/xml;q=0.9, */*;q=0.1")
            .header("accept-encoding", "identity")
            .header("user-agent", concat!("cedrat/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|fault| fault.to_string())?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(told)?;
            let status = response.status();
            if status.is_redirection() {
                return Err(format!("it answers {status}, and redirects are not followed"));
            }
            if status != hyper::StatusCode::OK {
                return Err(format!("it answers {status}"));
            }
            let body = Limited::new(response.into_body(), self.limits.octets).collect().await;
            body.map(|body| body.to_bytes().to_vec()).map_err(|fault| fault.to_string())
        };
        // Dropped on a timeout as well, which ends the connection.
        let driver = Driver(driver);
        let answer = answer.await;
        drop(driver);
        answer
    }
}

/// Ends the task of a connection with the question.
struct Driver(tokio::task::JoinHandle<Result<(), hyper::Error>>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut last = "it has no address".to_owned();
    for address in addresses.iter().take(4) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(fault) => last = format!("{address}: {fault}"),
        }
    }
    Err(last)
}

/// Whether an address is on the public Internet: none of the ranges that the IANA registries of
/// special addresses (RFC 6890) keep for machines, links, sites, tests and multicast, and none that
/// holds such an address inside (mapped, translated, tunnelled).
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.is_documentation()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 192 && b == 88 && c == 99)
                || (a == 198 && (b == 18 || b == 19))
                || a >= 240)
        }
        IpAddr::V6(ip) => {
            let [first, second, third, fourth, .., seventh, eighth] = ip.segments();
            let inner = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            };
            match (first, second) {
                // NAT64 (RFC 6052) and 6to4 (RFC 3056): what counts is the address inside.
                (0x64, 0xff9b) => third == 0 && fourth == 0 && is_public(inner(seventh, eighth)),
                (0x2002, _) => is_public(inner(second, third)),
                // Teredo, ORCHID, benchmarks and documentation.
                (0x2001, 0..0x200 | 0xdb8) => false,
                (0x3fff, 0..0x1000) => false,
                // Global unicast is 2000::/3 and nothing else.
                _ => (first & 0xe000) == 0x2000,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    /// A server on loopback that says the same to everybody, and how often it was asked.
    async fn server(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    let mut buffer = [0; 1024];
                    while !seen.windows(4).any(|w| w == b"\r\n\r\n") {
                        let read = stream.read(&mut buffer).await.unwrap_or(0);
                        if read == 0 {
                            return;
                        }
                        seen.extend_from_slice(&buffer[..read]);
                    }
                    drop(stream.write_all(answer).await);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                });
            }
        });
        (address, asked)
    }

    fn guard(hosts: &[&str], private: bool) -> Guard {
        let rules = MediaRules {
            uaprof_fetch: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            uaprof_private: private,
            ..MediaRules::default()
        };
        let limits = Limits { octets: 1000, time: Duration::from_millis(1500) };
        Guard::new(&rules, Resolver::new(&[]).unwrap(), limits)
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    #[tokio::test]
    async fn an_address_that_is_not_on_the_internet_is_refused_unasked() {
        let (address, asked) = server(OK).await;
        let port = address.port();
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
            let url: DocumentUrl = format!("http://{host}:{port}/a.xml").parse().unwrap();
            let told = guard(&[&format!("{host}:{port}")], false).fetch(&url).await.unwrap_err();
            assert!(told.contains("not on the Internet"), "{host}: {told}");
        }
        let url: DocumentUrl = "http://169.254.169.254/latest/meta-data".parse().unwrap();
        let told = guard(&["169.254.169.254"], false).fetch(&url).await.unwrap_err();
        assert!(told.contains("not on the Internet"), "{told}");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_host_that_is_not_on_the_list_is_not_even_looked_up() {
        let (address, asked) = server(OK).await;
        let url: DocumentUrl = format!("http://{address}/a.xml").parse().unwrap();
        for hosts in [&[][..], &["vendor.example"], &["127.0.0.1"]] {
            let told = guard(hosts, true).fetch(&url).await.unwrap_err();
            assert!(told.contains("not a host that may be asked"), "{told}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn an_address_that_is_allowed_outright_is_asked_once() {
        let (address, asked) = server(OK).await;
        let url: DocumentUrl = format!("http://{address}/a.xml").parse().unwrap();
        assert_eq!(guard(&[&address.to_string()], true).fetch(&url).await.unwrap(), b"hello");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn redirects_floods_errors_and_silence_end_in_a_reason() {
        for (answer, expected) in [
            (
                &b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n"[..],
                "redirects",
            ),
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", "limit"),
            (b"SSH-2.0-x\r\n", ""),
            (b"", "within"),
        ] {
            let flood: &'static [u8] = if expected == "limit" {
                Box::leak([answer, &[b'x'; 5000][..]].concat().into_boxed_slice())
            } else {
                answer
            };
            let (address, asked) = server(flood).await;
            let url: DocumentUrl = format!("http://{address}/a.xml").parse().unwrap();
            let guard = guard(&[&address.to_string()], true);
            let told = if answer.is_empty() {
                // The server of the test gives up after 200 ms, which is an answer too.
                guard.fetch(&url).await.map(|_| ()).unwrap_err()
            } else {
                let told = guard.fetch(&url).await.unwrap_err();
                assert!(told.contains(expected), "{expected}: {told}");
                told
            };
            assert!(!told.is_empty());
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "192.0.1.1",
            "2606:4700::1",
            "2a00:1450::1",
            "64:ff9b::101:101",
            "2002:0101:0101::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:1.1.1.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1.1.1.1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "100::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}

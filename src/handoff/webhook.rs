//! A new session told to an address of the operator's choice: the names of the session and its
//! account, and nothing of the message.
//!
//! Signed as RFC 9421 says, with HMAC-SHA256 over method, target and the digest of the body
//! (RFC 9530). The address comes from the configuration alone, so it may be a private one.

use std::{sync::Arc, time::Duration};

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::Full;
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Accounts;
use crate::{clock, config::handoff::Webhook, events::Event, gateway::Gateway};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pauses between calls; after the last it is given up, and the client finds the session by itself.
const PAUSES: [u64; 4] = [2, 10, 60, 300];

/// Tells of a session in the background.
pub(super) fn tell(gateway: &Arc<Gateway>, accounts: &Accounts, account: &str, session: &str) {
    let found =
        accounts.all.iter().find(|it| it.name() == account).and_then(|it| it.config().webhook.clone());
    let Some(webhook) = found else { return };
    let body =
        serde_json::json!({ "event": "awaiting_key", "session": session, "account": account }).to_string();
    let gateway = gateway.clone();
    let mut shutdown = gateway.shutdown.subscribe();
    tokio::spawn(async move {
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let called = tokio::time::timeout(PATIENCE, call(&webhook, &body)).await;
            let why = match called {
                Ok(Ok(())) => return,
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {PATIENCE:?}"),
            };
            let Some(pause) = pause else {
                let detail = format!("the webhook {} was given up: {why}", webhook.url);
                gateway.events.tell(&Event::Fault { what: "handoff", detail });
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(pause)) => {}
                () = crate::drive::stopped(&mut shutdown) => return,
            }
        }
    });
}

async fn call(webhook: &Webhook, body: &str) -> Result<(), String> {
    let url = &webhook.url;
    let stream = tokio::net::TcpStream::connect((url.host.as_str(), url.port))
        .await
        .map_err(|why| format!("{}: {why}", url.authority()))?;
    if url.secure {
        let tls = crate::tls::client(true, None, None)?;
        let name =
            rustls::pki_types::ServerName::try_from(url.host.clone()).map_err(|why| why.to_string())?;
        let stream = tokio_rustls::TlsConnector::from(tls)
            .connect(name, stream)
            .await
            .map_err(|why| why.to_string())?;
        return post(webhook, body, stream).await;
    }
    post(webhook, body, stream).await
}

async fn post<S>(webhook: &Webhook, body: &str, stream: S) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|why| why.to_string())?;
    let driving = tokio::spawn(connection);
    let request = request(webhook, body, clock::now().0 / 1000)?;
    let answered = sender.send_request(request).await.map_err(|why| why.to_string());
    driving.abort();
    let status = answered?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

fn request(webhook: &Webhook, body: &str, created: i64) -> Result<Request<Full<Bytes>>, String> {
    let digest = format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body.as_bytes())));
    let parameters = format!(
        "(\"@method\" \"@target-uri\" \"content-digest\");created={created};keyid=\"webhook\";alg=\"hmac-sha256\""
    );
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": {}\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}",
        webhook.url
    );
    let mut mac =
        <Hmac<Sha256>>::new_from_slice(webhook.secret.expose().as_bytes()).map_err(|why| why.to_string())?;
    mac.update(base.as_bytes());
    let signature = Base64::encode_string(&mac.finalize().into_bytes());
    Request::post(&webhook.url.path)
        .header(header::HOST, webhook.url.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header("content-digest", digest)
        .header("signature-input", format!("sig={parameters}"))
        .header("signature", format!("sig=:{signature}:"))
        .body(Full::new(Bytes::from(body.to_owned())))
        .map_err(|why| why.to_string())
}

//! A name server on loopback that knows what a test has told it and that nothing else exists.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, TXT},
    },
};
use tokio::net::UdpSocket;

type Zone = HashMap<String, Vec<RData>>;

pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NameServer {
    /// With these records: `("a.test", "MX 10 mx.a.test")`, `A 127.0.0.1`, `TXT ...`, `SERVFAIL`.
    pub(crate) async fn start(records: &[(&str, &str)]) -> Self {
        let mut zone = Zone::new();
        for (name, record) in records {
            let all = zone.entry((*name).to_owned()).or_default();
            all.extend(data(record));
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(answer(socket, Arc::new(zone)));
        Self { address, task }
    }
}

/// A record; none for `SERVFAIL`, the mark of a name that cannot be answered for.
fn data(record: &str) -> Option<RData> {
    let (kind, value) = record.split_once(' ').unwrap_or((record, ""));
    Some(match kind {
        "A" => RData::A(A(value.parse::<Ipv4Addr>().unwrap())),
        "MX" => {
            let (preference, host) = value.split_once(' ').unwrap();
            RData::MX(MX::new(preference.parse().unwrap(), Name::from_ascii(host).unwrap()))
        }
        "TXT" => RData::TXT(TXT::new(vec![value.to_owned()])),
        _ => return None,
    })
}

async fn answer(socket: UdpSocket, zone: Arc<Zone>) {
    let mut octets = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut octets).await {
        let Ok(query) = Message::from_vec(&octets[..length]) else { continue };
        let asked = query.queries[0].clone();
        let name = asked.name().to_ascii().trim_end_matches('.').to_lowercase();
        let mut reply = query.into_response();
        reply.additionals.clear();
        reply.edns = None;
        let known = zone.get(&name);
        reply.metadata.response_code = match known {
            None => ResponseCode::NXDomain,
            Some(all) if all.is_empty() => ResponseCode::ServFail,
            Some(_) => ResponseCode::NoError,
        };
        for data in known.into_iter().flatten() {
            let kind = match data {
                RData::A(_) => RecordType::A,
                RData::MX(_) => RecordType::MX,
                _ => RecordType::TXT,
            };
            if kind == asked.query_type() {
                reply.add_answer(Record::from_rdata(asked.name().clone(), 60, data.clone()));
            }
        }
        let _ = socket.send_to(&reply.to_vec().unwrap(), from).await;
    }
}

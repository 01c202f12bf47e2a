//! `cedrat ready`: asks `/readyz` of a running gateway; what a container's health check calls.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{Failure, say};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: cedrat ready --admin 127.0.0.1:9090")]
pub(super) struct Args {
    /// The admin port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&args.admin, Duration::from_secs(3))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", args.admin)?;
        let mut answer = String::new();
        stream.take(65_536).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|fault| format!("{} does not answer: {fault}", args.admin))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim();
    if answer.starts_with("HTTP/1.1 200") {
        say(body);
        Ok(())
    } else {
        Err(format!("{} is not ready: {body}", args.admin).into())
    }
}

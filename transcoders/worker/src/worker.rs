//! A forked worker: shuts itself in, then answers the requests of one message until its socket is
//! closed. Whatever goes wrong beyond a single target ends the process, and its parent says how.

use std::{
    io::IoSliceMut,
    mem::MaybeUninit,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use cedrat_plan::{
    job::{MAX_DATAGRAM, MAX_TARGETS, Reply, Request},
    worker::{EXIT_PROTOCOL, EXIT_SANDBOX},
};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, recvmsg, send,
};

use crate::{Moving, convert::Desk, probes, sandbox::Sandbox, system};

/// Exit code of a panic, as Rust's own.
const EXIT_PANIC: i32 = 101;

/// The life of a worker. Never returns: what it has in common with its parent is not its to drop.
pub(crate) fn run(socket: OwnedFd, sandbox: &Sandbox, moving: &dyn Moving, simulate: bool) -> ! {
    let end = catch_unwind(AssertUnwindSafe(|| match sandbox.enter(socket) {
        Ok(_) => serve(rustix::stdio::stdin(), moving, simulate),
        Err(_) => EXIT_SANDBOX,
    }));
    system::exit(end.unwrap_or(EXIT_PANIC))
}

/// Answers until the other side is gone; the exit code.
fn serve(socket: BorrowedFd<'_>, moving: &dyn Moving, simulate: bool) -> i32 {
    let mut desk = Desk::new(moving);
    let mut datagram = vec![0; MAX_DATAGRAM];
    loop {
        let Some((length, files)) = receive(socket, &mut datagram) else { return EXIT_PROTOCOL };
        let Some(octets) = datagram.get(..length).filter(|octets| !octets.is_empty()) else { return 0 };
        if simulate {
            crate::faults::simulate(octets);
        }
        let Ok(request) = serde_json::from_slice::<Request>(octets) else { return EXIT_PROTOCOL };
        let files: Vec<BorrowedFd<'_>> = files.iter().map(|file| file.as_fd()).collect();
        let reply = match request {
            Request::SelfTest => Reply::SelfTest(probes::mild_denials()),
            request => desk.answer(request, &files),
        };
        let Ok(octets) = serde_json::to_vec(&reply) else { return EXIT_PROTOCOL };
        match send(socket, &octets, SendFlags::NOSIGNAL) {
            Ok(_) => {}
            Err(rustix::io::Errno::PIPE) => return 0,
            Err(_) => return EXIT_PROTOCOL,
        }
    }
}

/// The next datagram with its descriptors; length 0 when there will be none any more.
pub(crate) fn receive(socket: BorrowedFd<'_>, datagram: &mut [u8]) -> Option<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_TARGETS + 1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(datagram)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other.ok()?,
        }
    };
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return None;
    }
    let files = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => Some(files),
            _ => None,
        })
        .flatten()
        .collect();
    Some((received.bytes, files))
}

//! A socket that keeps the borders of datagrams and carries descriptors, without blocking.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use cedrat_plan::job::MAX_TARGETS;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use tokio::{io::Interest, net::UnixDatagram};

/// Descriptors of one datagram: the part and its outputs.
pub(super) const MAX_FILES: usize = MAX_TARGETS + 1;

/// The type of the runtime is that of another kind of socket; it is only waited on.
#[derive(Debug)]
pub(super) struct Channel(UnixDatagram);

impl Channel {
    /// A channel and the end for another process.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // Of this end only: the flag belongs to the open file, and each end is one.
        rustix::io::ioctl_fionbio(&ours, true)?;
        Ok((Self(UnixDatagram::from_std(ours.into())?), theirs))
    }

    /// Sends a datagram with at most [`MAX_FILES`] descriptors.
    pub(super) async fn send(&self, octets: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let send = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let octets = [IoSlice::new(octets)];
            sendmsg(self.0.as_fd(), &octets, &mut control, SendFlags::NOSIGNAL)?;
            Ok(())
        };
        self.0.async_io(Interest::WRITABLE, send).await
    }

    /// Takes a datagram, and the first descriptor beside it; more are closed. Length 0: nobody is
    /// at the other end any more.
    pub(super) async fn receive(&self, datagram: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        let receive = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut octets = [IoSliceMut::new(datagram)];
            let message = recvmsg(self.0.as_fd(), &mut octets, &mut control, RecvFlags::CMSG_CLOEXEC)?;
            if message.flags.contains(ReturnFlags::TRUNC) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut files = control.drain().filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut files) => files.next(),
                _ => None,
            });
            Ok((message.bytes, files.next()))
        };
        match self.0.async_io(Interest::READABLE, receive).await {
            // The other process may die between two datagrams as well as in the middle of one.
            Err(fault) if fault.kind() == io::ErrorKind::ConnectionReset => Ok((0, None)),
            received => received,
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

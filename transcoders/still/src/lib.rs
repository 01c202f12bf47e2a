//! Still pictures: decode, fit to pixels and octets, encode. Opens no file and no socket.

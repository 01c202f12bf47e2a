//! `cedrat-transcode`: the process that touches untrusted media.
fn main() {}

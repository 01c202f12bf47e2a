//! Sound and moving picture through libav. The only crate that links it.

//! From a stored message to one that fits the handset: which profile applies, and everything
//! that touches the world on the way (workers, cache, documents fetched from vendors).
//!
//! What a profile says and what must change is decided in `cedrat-plan`; nothing is decoded in
//! this process.


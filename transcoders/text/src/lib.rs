//! Texts and cards made readable for a handset. Pure.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

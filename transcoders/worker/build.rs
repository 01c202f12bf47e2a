//! Keeps the symbols of the static JPEG library out of the executable's dynamic table: libav loads
//! librsvg, which loads the system's libjpeg, and would find ours there, with another layout.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
    println!("cargo:rerun-if-changed=build.rs");
}

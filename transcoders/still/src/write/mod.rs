//! Formats with a palette, and PNG: from pixels to octets. JPEG is in its own module, WBMP beside
//! its reader.

pub(crate) mod gif;
pub(crate) mod palette;
pub(crate) mod png;

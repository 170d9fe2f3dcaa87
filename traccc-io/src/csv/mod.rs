pub(crate) fn trim(b: &[u8]) -> &[u8] { b.trim_ascii() }
pub(crate) mod number { pub(crate) fn unsigned(b: &[u8]) -> Option<u64> { std::str::from_utf8(b).ok()?.parse().ok() } }

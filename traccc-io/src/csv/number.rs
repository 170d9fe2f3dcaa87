//! Numbers from bytes.

/// The text without spaces, tabs and carriage returns around it.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Decimal digits that fit 64 bits; nothing else.
#[inline]
pub(crate) fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    // 19 digits always fit.
    let (safe, rest) = text.split_at(text.len().min(19));
    for &digit in safe {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    for &digit in rest {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Ten to the powers that single precision holds exactly.
const POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

/// The finite number nearest to a decimal text.
#[inline]
pub(crate) fn float(text: &[u8]) -> Option<f32> {
    if let Some(value) = short_float(text) {
        return Some(value);
    }
    // The standard library rounds correctly; it also takes "inf" and "nan", which no column can hold.
    let value: f32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Texts of digits and at most one point whose digits, as one number, and whose power of ten are both exact in single
/// precision: then one division rounds correctly.
#[inline]
fn short_float(text: &[u8]) -> Option<f32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 11 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut fraction = 0;
    let mut point = false;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
            fraction += usize::from(point);
        } else if byte == b'.' && !point && digits.len() > 1 {
            point = true;
        } else {
            return None;
        }
    }
    if mantissa >= 1 << 24 {
        return None;
    }
    let value = mantissa as f32 / POWERS[fraction];
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floats_are_the_nearest_single_precision_numbers(text in "-?[0-9]{0,9}(\\.[0-9]{0,9})?(e-?[0-9]{1,2})?") {
            let expected = text.parse::<f32>().ok().filter(|v| v.is_finite());
            prop_assert_eq!(float(text.as_bytes()).map(f32::to_bits), expected.map(f32::to_bits), "{}", text);
        }

        #[test]
        fn integers_agree_with_the_standard_library(text in "[0-9]{0,22}") {
            prop_assert_eq!(unsigned(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn bytes_that_are_no_number_are_none(text in prop::collection::vec(any::<u8>(), 0..8)) {
            if unsigned(&text).is_some() {
                prop_assert!(text.iter().all(u8::is_ascii_digit) && !text.is_empty());
            }
            let expected = std::str::from_utf8(&text).ok().and_then(|t| t.parse::<f32>().ok()).filter(|v| v.is_finite());
            prop_assert_eq!(float(&text), expected);
        }
    }

    #[test]
    fn the_limits_of_integers_are_kept() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(unsigned(b"+1"), None);
        for text in ["inf", "nan", "1e39", "", ".", "-", "1.2.3", "1,2"] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
    }
}

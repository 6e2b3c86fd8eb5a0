use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

fn sum(a: &str, b: &str) -> String {
    let read = |text: &str| LongDouble::parse(text.as_bytes()).unwrap();
    read(a).plus(read(b)).unwrap().to_text()
}

#[test]
fn only_the_canonical_form_of_an_integer_is_one() {
    for text in ["0", "-1", "42", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(parse_i64(text.as_bytes()), text.parse().ok(), "{text}");
    }
    for text in [
        "",
        "-",
        "-0",
        "+1",
        "01",
        " 1",
        "1 ",
        "9223372036854775808",
        "-9223372036854775809",
        "1.0",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn long_doubles_add_up_as_in_redis() {
    assert_eq!(sum("0.1", "0.2"), "0.3");
    assert_eq!(sum("10.50", "0.1"), "10.6");
    assert_eq!(sum("5.0e3", "2.0e2"), "5200");
    assert_eq!(sum("3", "-1.5"), "1.5");
    assert_eq!(sum("-0", "-0.0"), "0");
    assert_eq!(sum("1e-20", "0"), "0");
    assert_eq!(sum("1e18", "1"), "1000000000000000001");
    assert_eq!(sum("0x1.8p1", "0"), "3");
}

#[test]
fn what_is_not_a_finite_sum_is_told_apart() {
    let read = |text: &str| LongDouble::parse(text.as_bytes());
    assert_eq!(read("inf").unwrap().plus(read("-inf").unwrap()), None);
    assert!(!read("inf").unwrap().plus(read("1").unwrap()).unwrap().is_finite());
    for text in ["nan", "", ".", "1e", " 1", "1 ", "0x", "1e5000", "1e-5000", "abc"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn doubles_show_seventeen_digits() {
    for (number, text) in [
        (0.1, "0.10000000000000001"),
        (3.0, "3"),
        (-2.5, "-2.5"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (0.0001, "0.0001"),
        (0.00001, "1.0000000000000001e-05"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NEG_INFINITY, "-inf"),
        (-0.0, "-0"),
    ] {
        assert_eq!(format_f64(number), text);
    }
}

proptest! {
    #[test]
    fn an_integer_survives_writing_and_reading(number: i64) {
        prop_assert_eq!(I64Text::new(number).to_vec(), number.to_string().into_bytes());
        prop_assert_eq!(parse_i64(&I64Text::new(number)), Some(number));
    }

    #[test]
    fn a_double_survives_writing_and_reading(bits: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        prop_assert_eq!(parse_f64(format_f64(number).as_bytes()).map(f64::to_bits), Some(bits));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text: Vec<u8>, likely in "[-+]?(0x)?[0-9a-f]*[.]?[0-9]*[ep]?[-+]?[0-9]{0,12}") {
        for text in [&text[..], likely.as_bytes()] {
            parse_i64(text);
            parse_f64(text);
            if let Some(number) = LongDouble::parse(text) {
                number.plus(number).map(LongDouble::to_text);
            }
        }
    }
}

//! Which lengths a model's vectors may be cut to.

use serde_json::Value;

use crate::error::{Error, Result};

/// The shortest length that a model was trained to be cut to, `None` where nobody says that it was (Matryoshka).
///
/// sentence-transformers folders have no field for it. vLLM's two in `config.json` are what publishers write:
/// `matryoshka_dimensions` lists the lengths, `is_matryoshka: true` means any. `trained` is what the caller knows of the
/// model, the catalogue for example. The lengths between two trained ones keep their meaning as well ("Matryoshka
/// Representation Learning", Kusupati et al. 2022, section 5), so that only the least counts.
pub(crate) fn shortest_cut(config: &Value, trained: &[usize]) -> Option<usize> {
    let listed = config.get("matryoshka_dimensions").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.filter_map(|length| usize::try_from(length.as_u64()?).ok());
    let any = config.get("is_matryoshka").and_then(Value::as_bool) == Some(true);
    let least = listed.chain(trained.iter().copied()).filter(|length| *length > 0).min();
    least.or(any.then_some(1))
}

/// Checks that a vector of `full` components may be cut to `dimensions`; `forced` allows what loses meaning.
pub(crate) fn check_cut(dimensions: usize, full: usize, shortest: Option<usize>, forced: bool) -> Result<()> {
    if dimensions == 0 || dimensions > full {
        return Err(Error::invalid_input(format!("dimensions must be 1 to {full} for this model, not {dimensions}")));
    }
    if dimensions == full || forced || shortest.is_some_and(|shortest| dimensions >= shortest) {
        return Ok(());
    }
    let known = shortest.map_or_else(
        || "this model is not known to be trained for shorter vectors (Matryoshka)".to_owned(),
        |shortest| format!("this model was trained for vectors of {shortest} dimensions or more"),
    );
    Err(Error::invalid_input(format!(
        "{known}: leave dimensions out for all {full}, or, in a program or on the command line, let cutWithoutMatryoshka \
         cut to {dimensions} all the same"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{check_cut, shortest_cut};

    #[test]
    fn the_folder_or_the_caller_says_it() {
        assert_eq!(shortest_cut(&json!({}), &[]), None);
        assert_eq!(shortest_cut(&json!(null), &[512, 64]), Some(64));
        assert_eq!(shortest_cut(&json!({ "matryoshka_dimensions": [256, 128] }), &[]), Some(128));
        assert_eq!(shortest_cut(&json!({ "is_matryoshka": true, "matryoshka_dimensions": [256] }), &[]), Some(256));
        assert_eq!(shortest_cut(&json!({ "is_matryoshka": true }), &[]), Some(1));
        for other in [json!({ "is_matryoshka": false }), json!({ "matryoshka_dimensions": [0, -1, "64"] })] {
            assert_eq!(shortest_cut(&other, &[]), None, "{other}");
        }
    }

    #[test]
    fn a_cut_that_loses_meaning_must_be_asked_for() {
        assert!(check_cut(768, 768, None, false).is_ok());
        assert!(check_cut(300, 768, Some(64), false).is_ok());
        assert!(check_cut(63, 768, None, true).is_ok());
        for forced in [false, true] {
            assert!(check_cut(0, 768, Some(1), forced).is_err());
            assert!(check_cut(769, 768, Some(1), forced).is_err());
        }
        let error = check_cut(256, 768, None, false).unwrap_err();
        assert!(error.message.contains("cutWithoutMatryoshka") && error.message.contains("768"), "{error}");
        let error = check_cut(63, 768, Some(64), false).unwrap_err();
        assert!(error.message.contains("64 dimensions or more"), "{error}");
    }
}

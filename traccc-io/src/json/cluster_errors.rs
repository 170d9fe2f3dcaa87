//! The errors of clusters in an ACTS digitization file: `variances`, a table for each axis.

use crate::error::ContentProblem;
use serde::{Deserialize, Serialize};

/// The errors along one axis.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct ErrorTable {
    /// 0 for local x, 1 for local y (r and phi of polar frames).
    index: u64,
    /// Standard deviations by the size of the cluster in channels, the last for all larger ones, in mm (rad).
    rms: Vec<f64>,
}

pub(super) const VARIANCES: &str = "value.geometric.variances";

/// The tables of both axes, or where in the entry what is wrong.
pub(super) fn by_axis(tables: &[ErrorTable]) -> Result<[Vec<f64>; 2], (String, ContentProblem)> {
    let mut errors = [Vec::new(), Vec::new()];
    for (row, table) in tables.iter().enumerate() {
        let at = format!("{VARIANCES}[{row}]");
        let Some(axis) = usize::try_from(table.index).ok().and_then(|i| errors.get_mut(i)) else {
            let what = "axis of a sensor: they are 0 and 1";
            return Err((
                format!("{at}.index"),
                ContentProblem::Enumeration { what, found: table.index },
            ));
        };
        if !axis.is_empty() {
            let (what, found) = ("the index of a second table", table.index as f64);
            let expected = "one table for each axis";
            return Err((format!("{at}.index"), ContentProblem::Value { what, found, expected }));
        }
        if table.rms.is_empty() {
            let problem = ContentProblem::Count { what: "errors", found: 0, expected: 1 };
            return Err((format!("{at}.rms"), problem));
        }
        // The square is computed in single precision.
        let sound = |&rms: &f64| (1.0e-15..1.0e15).contains(&rms);
        if let Some((size, &found)) = table.rms.iter().enumerate().find(|(_, rms)| !sound(rms)) {
            let (what, expected) = ("the error of a cluster", "a positive number in mm or rad");
            let problem = ContentProblem::Value { what, found, expected };
            return Err((format!("{at}.rms[{size}]"), problem));
        }
        axis.clone_from(&table.rms);
    }
    Ok(errors)
}

/// The tables as ACTS writes them; none where errors are not known.
pub(super) fn to_tables(errors: &[Vec<f64>; 2]) -> Vec<ErrorTable> {
    let tables = errors.iter().zip(0..).filter(|(rms, _)| !rms.is_empty());
    tables.map(|(rms, index)| ErrorTable { index, rms: rms.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<[Vec<f64>; 2], (String, String)> {
        let tables: Vec<ErrorTable> = serde_json::from_str(json).unwrap();
        by_axis(&tables).map_err(|(at, problem)| (at, problem.to_string()))
    }

    #[test]
    fn tables_belong_to_the_axis_of_their_index() {
        let text = r#"[{"index":1,"rms":[0.3,0.2]},{"index":0,"rms":[0.01]}]"#;
        let errors = read(text).unwrap();
        assert_eq!(errors, [vec![0.01], vec![0.3, 0.2]]);
        let written = serde_json::to_string(&to_tables(&errors)).unwrap();
        assert_eq!(read(&written).unwrap(), errors);
        assert_eq!(read(r#"[{"index":1,"rms":[0.3]}]"#).unwrap(), [vec![], vec![0.3]]);
    }

    #[test]
    fn unsound_tables_are_refused_with_their_place() {
        let cases = [
            (r#"[{"index":2,"rms":[1]}]"#, "[0].index", "2 is no axis"),
            (r#"[{"index":0,"rms":[1]},{"index":0,"rms":[2]}]"#, "[1].index", "second table"),
            (r#"[{"index":0,"rms":[]}]"#, "[0].rms", "0 errors found"),
            (r#"[{"index":0,"rms":[1,0]}]"#, "[0].rms[1]", "is 0, expected a positive number"),
            (r#"[{"index":0,"rms":[1e-30]}]"#, "[0].rms[0]", "expected a positive number"),
            (r#"[{"index":0,"rms":[-0.1]}]"#, "[0].rms[0]", "is -0.1"),
        ];
        for (text, place, message) in cases {
            let (at, problem) = read(text).unwrap_err();
            let place = format!("{VARIANCES}{place}");
            assert!(at == place && problem.contains(message), "{text}: {at}: {problem}");
        }
    }
}

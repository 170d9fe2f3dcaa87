use serde::Serialize;

/// How far two values of one column may differ, and why that far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tolerance {
    /// Largest difference accepted, in `unit`.
    pub limit: f64,
    /// What differences are measured in.
    pub unit: Unit,
    /// Why this limit.
    pub reason: &'static str,
}

/// How the difference of two values is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// In the unit of the column.
    Absolute,
    /// As a part of the larger value, or of one where both are smaller than one.
    RelativeToOne,
    /// As a part of the larger value.
    Relative,
    /// In standard deviations of the left value.
    Sigma,
}

impl Unit {
    /// Short form for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absolute => "absolute",
            Self::RelativeToOne => "relative to 1",
            Self::Relative => "relative",
            Self::Sigma => "sigma",
        }
    }
}

/// One [`Tolerance`] for each kind of column. Whole numbers (cells, degrees of freedom, holes, outcomes, surfaces) must
/// always be equal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tolerances {
    /// Local coordinates of measurements, in mm (rad).
    pub local: Tolerance,
    /// Variances of measurements.
    pub variance: Tolerance,
    /// Global coordinates of space points, in mm.
    pub position: Tolerance,
    /// Weights of seeds.
    pub weight: Tolerance,
    /// Times as c·t, in mm.
    pub time: Tolerance,
    /// Bound parameters.
    pub parameters: Tolerance,
    /// Elements of covariances: differences over the product of the two standard deviations; of a space point's
    /// variances of r and z over the sum of both.
    pub covariance: Tolerance,
    /// chi2 of tracks and states.
    pub chi2: Tolerance,
    /// p-values.
    pub p_value: Tolerance,
}

impl Tolerances {
    /// No difference at all: what threads, batches and repetitions must give.
    pub fn exact() -> Self {
        let equal = Tolerance {
            limit: 0.0,
            unit: Unit::Absolute,
            reason: "the same code in the same order of operations gives the same bits",
        };
        Self {
            local: equal,
            variance: equal,
            position: equal,
            weight: equal,
            time: equal,
            parameters: equal,
            covariance: equal,
            chi2: equal,
            p_value: equal,
        }
    }

    /// What two engines may differ by that do the same arithmetic in single precision, with another compiler and
    /// another mathematical library.
    pub fn engines() -> Self {
        Self {
            local: Tolerance {
                limit: 1.0e-4,
                unit: Unit::Absolute,
                reason: "single precision at 1 m is 6e-5 mm; the best sensors resolve 5e-3 mm",
            },
            variance: Tolerance {
                limit: 1.0e-3,
                unit: Unit::Relative,
                reason: "differences of sums of squares lose three of seven digits",
            },
            position: Tolerance {
                limit: 1.0e-3,
                unit: Unit::Absolute,
                reason: "a few roundings of coordinates up to 3 m, each 2e-4 mm",
            },
            weight: Tolerance {
                limit: 1.0e-3,
                unit: Unit::RelativeToOne,
                reason: "a sum of steps of 1 or more and of an impact parameter good to 1e-3 mm",
            },
            time: Tolerance {
                limit: 1.0e-2,
                unit: Unit::Absolute,
                reason: "path lengths of 10 m in single precision over hundreds of steps",
            },
            parameters: Tolerance {
                limit: 1.0e-2,
                unit: Unit::Sigma,
                reason: "a hundredth of the uncertainty does not change any physics result",
            },
            covariance: Tolerance {
                limit: 1.0e-2,
                unit: Unit::Sigma,
                reason: "the uncertainty itself is known to a few per cent at best",
            },
            chi2: Tolerance {
                limit: 1.0e-2,
                unit: Unit::RelativeToOne,
                reason: "shifts of a hundredth of a sigma move chi2 by about as much",
            },
            p_value: Tolerance {
                limit: 1.0e-2,
                unit: Unit::Absolute,
                reason: "the density of chi2 is at most 0.5, so it moves less than chi2",
            },
        }
    }
}

use crate::error::ClientError;
use std::ops::Range;
use traccc_protocol::{Output, Tensor};

/// Parts of a region begin at multiples of this.
const ALIGNMENT: usize = 64;
/// States of an average track, for the sizes of tensors relative to each other.
const STATES_OF_TRACK: usize = 16;

/// Which part of a region is for which output: their sizes are proportional to those that the outputs of a track have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    parts: Vec<(Output, Range<usize>)>,
    size: usize,
}

impl Layout {
    pub(crate) fn new(outputs: &[Output], size: usize) -> Self {
        let total: usize = outputs.iter().copied().map(weight).sum();
        let mut begin = 0;
        let parts = outputs.iter().map(|&output| {
            let part = (size as u128 * weight(output) as u128 / total as u128) as usize;
            let end = begin + part / ALIGNMENT * ALIGNMENT;
            (output, std::mem::replace(&mut begin, end)..end)
        });
        Self { parts: parts.collect(), size }
    }

    /// The parts, in the order of the request.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Output, Range<usize>)> {
        self.parts.iter().cloned()
    }

    /// Refuses a region in which an output has no room at all: no server takes such a part.
    pub(crate) fn check(&self) -> Result<(), ClientError> {
        match self.parts().find(|(_, part)| part.is_empty()) {
            Some((output, _)) => Err(self.too_small(output, ALIGNMENT)),
            None => Ok(()),
        }
    }

    /// Where a tensor of this shape is.
    pub(crate) fn find(&self, output: Output, shape: &[i64]) -> Result<Range<usize>, ClientError> {
        let spec = output.spec();
        // Only to have the shape checked and multiplied by who knows how: contents of no length.
        let empty = Tensor { name: spec.name, data_type: spec.data_type.name(), shape, bytes: &[] };
        let needed = match empty.rows(&spec) {
            Ok(_) => 0,
            Err(traccc_protocol::RequestError::Length { expected, .. }) => expected,
            Err(error) => return Err(traccc_protocol::ResponseError::Tensor(error).into()),
        };
        let part = self.parts().find(|(other, _)| *other == output).map_or(0..0, |part| part.1);
        if needed > part.len() {
            return Err(self.too_small(output, needed));
        }
        Ok(part.start..part.start + needed)
    }

    /// The error of an output that needs `needed` bytes.
    pub(crate) fn too_small(&self, output: Output, needed: usize) -> ClientError {
        let part = self.parts().find(|(other, _)| *other == output);
        let available = part.map_or(0, |part| part.1.len());
        let total: usize = self.parts().map(|(output, _)| weight(output)).sum();
        // One more step of alignment than the part of this tensor takes.
        let part = (needed + ALIGNMENT) as u128;
        let region = (part * total as u128).div_ceil(weight(output) as u128);
        let region = usize::try_from(region).unwrap_or(usize::MAX);
        ClientError::RegionTooSmall { output: output.spec().name, needed, available, region }
    }
}

/// Bytes that an average track has in an output.
fn weight(output: Output) -> usize {
    let spec = output.spec();
    let columns: i64 = spec.dims.iter().skip(1).product();
    let row = columns as usize * spec.data_type.size();
    match output {
        Output::TrackParameters | Output::TrackQuality => row,
        Output::TrackOffsets => 2 * row,
        Output::GeometryIds => (STATES_OF_TRACK + 1) * row,
        _ => STATES_OF_TRACK * row,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_side_by_side_within_the_region() {
        for outputs in [&Output::ALL[..], &Output::UPSTREAM, &[Output::TrackOffsets]] {
            for size in [0, 1000, 1 << 20] {
                let mut free = 0;
                for (_, part) in Layout::new(outputs, size).parts() {
                    assert!(part.start == free && part.start % ALIGNMENT == 0);
                    free = part.end;
                }
                assert!(free <= size, "{outputs:?} {size}");
            }
        }
    }

    #[test]
    fn the_size_that_an_error_names_is_enough() {
        let shape = [1000, 25];
        for outputs in [&Output::ALL[..], &Output::UPSTREAM, &[Output::Covariances]] {
            let error = Layout::new(outputs, 5000).find(Output::Covariances, &shape).unwrap_err();
            let ClientError::RegionTooSmall { needed: 100_000, region, .. } = error else {
                panic!("{error}");
            };
            let found = Layout::new(outputs, region).find(Output::Covariances, &shape).unwrap();
            assert_eq!(found.len(), 100_000);
            assert!(region < 2 * 100_000 * 2, "{region}");
        }
    }

    #[test]
    fn a_shape_that_lies_is_refused() {
        let layout = Layout::new(&Output::UPSTREAM, 1 << 20);
        for shape in [&[-1, 25][..], &[4, 24], &[i64::MAX, 25], &[25]] {
            let error = layout.find(Output::Covariances, shape).unwrap_err();
            assert!(matches!(error, ClientError::Response(_)), "{error}");
        }
    }
}

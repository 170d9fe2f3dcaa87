use traccc_core::detector::{Area, Detector, Mask, ModuleDesign, Modules, Shape};
use traccc_core::{Error, Scalar};

/// Divides every sensor into pixels of about `pitch` (local x, y), in mm.
///
/// The sensors of one volume share a segmentation, which covers the largest of them, with a whole number of pixels
/// on each axis. On annuli the axes are r and phi, and the pitch along phi holds at the mean radius; a volume with
/// annuli and others has a segmentation for each of both.
///
/// # Errors
/// [`Error::Config`] when the pitch is not positive or leads to more than 2^24 channels on an axis, and
/// [`Error::NoDesign`] for a sensor that is a ring or a tube.
pub fn pixel_modules(detector: &Detector, pitch: [Scalar; 2]) -> Result<Modules, Error> {
    // For each volume: the area of its sensors that are no annuli, and of those that are.
    let mut areas: Vec<[Option<Area>; 2]> = vec![[None; 2]; detector.volumes.len()];
    for surface in detector.sensitive_surfaces() {
        let surface = &detector.surfaces[surface.get()];
        let area = &mut areas[surface.volume.get()][usize::from(surface.shape.is_polar())];
        for mask in detector.masks(surface) {
            let Some(of_mask) = extent(surface.shape, mask) else { continue };
            *area = Some(area.map_or(of_mask, |all| all.joined(of_mask)));
        }
    }
    let mut designs: Vec<ModuleDesign> = Vec::new();
    let mut design_of_volume = vec![[None; 2]; detector.volumes.len()];
    for (volume, areas) in areas.into_iter().enumerate() {
        for (polar, area) in [false, true].into_iter().zip(areas) {
            let Some(Area { low, high }) = area else { continue };
            let mean_radius = if polar { 0.5 * (low[0] + high[0]) } else { 1.0 };
            let bins = [
                channels(high[0] - low[0], pitch[0])?,
                channels((high[1] - low[1]) * mean_radius, pitch[1])?,
            ];
            design_of_volume[volume][usize::from(polar)] = Some(designs.len());
            designs.push(ModuleDesign::equidistant(bins, low, high));
        }
    }
    Modules::new(detector, designs, |surface| {
        let surface = &detector.surfaces[surface.get()];
        extent(surface.shape, &surface.mask)?;
        let of_shape =
            design_of_volume[surface.volume.get()][usize::from(surface.shape.is_polar())];
        Some((of_shape?, [0.0; 2]))
    })
}

/// The smallest and largest local coordinates of a mask that can be segmented.
fn extent(shape: Shape, mask: &Mask) -> Option<Area> {
    match shape {
        Shape::Rectangle | Shape::Trapezoid | Shape::Annulus => Some(mask.area(shape)),
        Shape::Ring | Shape::Cylinder | Shape::ConcentricCylinder => None,
    }
}

fn channels(length: Scalar, pitch: Scalar) -> Result<usize, Error> {
    let number = (length / pitch).round().max(1.0);
    if pitch > 0.0 && number <= (1 << 24) as Scalar {
        return Ok(number as usize);
    }
    Err(Error::Config {
        name: "pixels.pitch",
        value: pitch.to_string(),
        expected: "a positive length in mm that gives at most 2^24 channels per axis",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::{ToyConfig, toy_detector};

    #[test]
    fn the_toy_has_the_segmentation_of_the_sample_events() {
        let detector = Detector::compile(&toy_detector(&ToyConfig::full()).unwrap()).unwrap();
        let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
        assert_eq!(modules.designs.len(), 2);
        assert_eq!(modules.designs[0].channels, [400, 1560], "endcap");
        assert_eq!(modules.designs[1].channels, [336, 1440], "barrel");
        assert_eq!(modules.len(), 2492 + 14 * 108);
    }

    #[test]
    fn annuli_are_divided_in_radius_and_angle_whatever_else_their_volume_holds() {
        let mut model = toy_detector(&ToyConfig::full()).unwrap();
        // The first sensor of each volume stays a trapezoid.
        for volume in &mut model.volumes {
            let trapezoids = volume.surfaces.iter_mut().filter(|s| s.shape == Shape::Trapezoid);
            for surface in trapezoids.skip(1) {
                surface.shape = Shape::Annulus;
                surface.masks[0].bounds = vec![30.0, 60.0, -0.1, 0.1, 0.0, 0.0, 0.0];
            }
        }
        let detector = Detector::compile(&model).unwrap();
        let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
        let designs: Vec<_> = modules.designs.iter().map(|d| d.channels).collect();
        // 30 mm, and 0.2 rad at 45 mm.
        assert_eq!(designs, [[380, 1560], [600, 180], [336, 1440]]);
        for module in 0..modules.len() {
            let module = traccc_core::ModuleIndex::from(module);
            let surface = &detector.surfaces[modules.surface[module.get()].get()];
            let annulus = surface.shape == Shape::Annulus;
            assert_eq!(modules.channels(module)[0] == 600, annulus);
        }
    }

    #[test]
    fn a_pitch_that_is_none_is_refused() {
        let detector = Detector::compile(&toy_detector(&ToyConfig::default()).unwrap()).unwrap();
        for pitch in [0.0, -1.0, 1.0e-9, Scalar::NAN] {
            assert!(pixel_modules(&detector, [0.05, pitch]).is_err(), "{pitch}");
        }
    }
}

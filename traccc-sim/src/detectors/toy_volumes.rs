//! The volumes of the toy detector and the portals that link them.

use super::material_maps::{cylinder_map, disc_map};
use super::materials::{ALUMINIUM, SILICON_TML, mixture};
use super::toy_layers::{
    BARREL_HALF_LENGTH, BEAM_PIPE_VOLUME_RADIUS, Layer, OUTER_RADIUS, barrel_layer, endcap_layer,
};
use super::{NewSurface, SurfaceList};
use traccc_core::detector::{
    MaskModel, MaterialModel, Placement, Shape, SurfaceKind, VolumeModel, VolumeShape,
};

const BEAM_PIPE: usize = 0;
const BEAM_PIPE_RADIUS: f64 = 19.0;
/// Thickness of the material maps on cylindrical portals at z = 0, in mm; near endcap sensors, and elsewhere.
const CYLINDER_MAP_THICKNESS: [f64; 2] = [0.15, 5.0];

/// One of the two endcaps.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Negative,
    Positive,
}

impl Side {
    fn sign(self) -> f64 {
        if self == Self::Negative { -1.0 } else { 1.0 }
    }

    /// The range of z between two distances from the centre, in mm, in ascending order.
    fn range(self, near: f64, far: f64) -> [f64; 2] {
        if self == Self::Negative { [-far, -near] } else { [near, far] }
    }
}

/// A tube between two cylinders and two discs, and the volumes behind them.
struct Tube {
    radii: [f64; 2],
    z: [f64; 2],
    /// Volumes behind the inner and outer cylinder and the discs at low and high z.
    links: [Option<usize>; 4],
    /// Material of the cylindrical portals at z = 0 in map mode, in mm.
    cylinder_thickness: f64,
}

/// What the volumes are made from.
///
/// Volumes in order: beam pipe; endcap at negative z; barrel layers from the inside, each followed by the gap below
/// it, and the gap outside the last; endcap at positive z. An endcap is its first layer, the connector to the barrel,
/// then each further layer followed by the gap on its inner side.
pub(super) struct Assembly {
    pub barrel_layers: usize,
    pub endcap_layers: usize,
    pub module_material: Option<MaterialModel>,
    pub beam_pipe_material: Option<MaterialModel>,
    pub beam_pipe_half_length: f64,
    pub maps: bool,
}

impl Assembly {
    pub(super) fn volumes(&self) -> Vec<VolumeModel> {
        let barrel = self.barrel();
        let negative = self.endcap(Side::Negative, &barrel);
        let positive = self.endcap(Side::Positive, &barrel);
        let pipe = self.beam_pipe(&negative, &positive);
        let mut volumes = vec![pipe];
        volumes.extend(negative);
        volumes.extend(barrel);
        volumes.extend(positive);
        volumes
    }

    fn barrel_base(&self) -> usize {
        1 + 2 * self.endcap_layers
    }

    fn side_base(&self, side: Side) -> usize {
        match side {
            Side::Negative => 1,
            Side::Positive => self.barrel_base() + 2 * self.barrel_layers + 1,
        }
    }

    fn barrel_layer_volume(&self, layer: usize) -> usize {
        self.barrel_base() + 2 * layer
    }

    /// The gap below barrel layer `layer`.
    fn barrel_gap_volume(&self, layer: usize) -> usize {
        // The outermost gap follows the last one directly.
        if layer == self.barrel_layers {
            self.barrel_base() + 2 * layer
        } else {
            self.barrel_base() + 2 * layer + 1
        }
    }

    fn connector(&self, side: Side) -> Option<usize> {
        (self.endcap_layers > 0).then(|| self.side_base(side) + 1)
    }

    fn endcap_layer_volume(&self, side: Side, layer: usize) -> usize {
        self.side_base(side) + 2 * layer
    }

    /// The gap on the inner side of endcap layer `layer`; for the first one the connector.
    fn endcap_gap_volume(&self, side: Side, layer: usize) -> usize {
        self.side_base(side) + 2 * layer + 1
    }

    fn barrel(&self) -> Vec<VolumeModel> {
        let ends = [self.connector(Side::Negative), self.connector(Side::Positive)];
        let z = [-BARREL_HALF_LENGTH, BARREL_HALF_LENGTH];
        let tube = |radii, inner, outer| Tube {
            radii,
            z,
            links: [Some(inner), outer, ends[0], ends[1]],
            cylinder_thickness: CYLINDER_MAP_THICKNESS[1],
        };
        let mut volumes = Vec::new();
        let mut reached = BEAM_PIPE_VOLUME_RADIUS;
        for number in 0..self.barrel_layers {
            let (volume, gap) = (self.barrel_layer_volume(number), self.barrel_gap_volume(number));
            let layer = barrel_layer(number, volume, self.module_material.as_ref());
            let radii = layer.radii;
            let outside = self.barrel_gap_volume(number + 1);
            volumes.push(self.layer("barrel", volume, layer, &tube(radii, gap, Some(outside))));
            let below = if number == 0 { BEAM_PIPE } else { self.barrel_layer_volume(number - 1) };
            volumes.push(self.gap("gap", gap, &tube([reached, radii[0]], below, Some(volume))));
            reached = radii[1];
        }
        let last = self.barrel_layer_volume(self.barrel_layers - 1);
        let outermost = self.barrel_gap_volume(self.barrel_layers);
        volumes.push(self.gap("gap", outermost, &tube([reached, OUTER_RADIUS], last, None)));
        volumes
    }

    fn endcap(&self, side: Side, barrel: &[VolumeModel]) -> Vec<VolumeModel> {
        let mut volumes = Vec::new();
        let mut reached = BARREL_HALF_LENGTH;
        for number in 0..self.endcap_layers {
            let volume = self.endcap_layer_volume(side, number);
            let gap = self.endcap_gap_volume(side, number);
            let layer = endcap_layer(number, side.sign(), volume, self.module_material.as_ref());
            let [near, far] = match side {
                Side::Negative => [-layer.z[1], -layer.z[0]],
                Side::Positive => layer.z,
            };
            let outward =
                (number + 1 < self.endcap_layers).then(|| self.endcap_gap_volume(side, number + 1));
            let tube = |z, links_outward: [Option<usize>; 2], thickness| Tube {
                radii: [BEAM_PIPE_VOLUME_RADIUS, OUTER_RADIUS],
                z,
                links: match (side, links_outward) {
                    (Side::Negative, [inward, outward]) => [Some(BEAM_PIPE), None, outward, inward],
                    (Side::Positive, [inward, outward]) => [Some(BEAM_PIPE), None, inward, outward],
                },
                cylinder_thickness: thickness,
            };
            let around = tube(layer.z, [Some(gap), outward], CYLINDER_MAP_THICKNESS[0]);
            volumes.push(self.layer("endcap", volume, layer, &around));
            let z = side.range(reached, near);
            volumes.push(if number == 0 {
                self.connector_volume(side, gap, z, barrel)
            } else {
                let inward = Some(self.endcap_layer_volume(side, number - 1));
                self.gap("gap", gap, &tube(z, [inward, Some(volume)], CYLINDER_MAP_THICKNESS[1]))
            });
            reached = far;
        }
        volumes
    }

    fn layer(&self, name: &str, volume: usize, layer: Layer, tube: &Tube) -> VolumeModel {
        let mut list = SurfaceList::new(volume);
        for sensor in layer.sensors {
            list.push(SurfaceKind::SENSITIVE, sensor);
        }
        self.push_portals(&mut list, tube);
        VolumeModel { grids: vec![layer.grid], ..finish(name, list, tube.z) }
    }

    fn gap(&self, name: &str, volume: usize, tube: &Tube) -> VolumeModel {
        let mut list = SurfaceList::new(volume);
        self.push_portals(&mut list, tube);
        finish(name, list, tube.z)
    }

    fn push_portals(&self, list: &mut SurfaceList, tube: &Tube) {
        let [inner, outer, low, high] = tube.links;
        for (radius, link) in tube.radii.into_iter().zip([inner, outer]) {
            let portal = self.cylinder(radius, &[(tube.z, link)], tube.cylinder_thickness);
            list.push(SurfaceKind::PORTAL, portal);
        }
        for (z, link) in tube.z.into_iter().zip([low, high]) {
            list.push(SurfaceKind::PORTAL, self.disc(z, &[(tube.radii, link)]));
        }
    }

    /// The gap between the barrel and the first endcap layer: its inner disc has a mask for each barrel volume.
    fn connector_volume(
        &self,
        side: Side,
        volume: usize,
        z: [f64; 2],
        barrel: &[VolumeModel],
    ) -> VolumeModel {
        let (barrel_end, endcap_end) =
            if side == Side::Negative { (z[1], z[0]) } else { (z[0], z[1]) };
        let mut to_barrel = Vec::new();
        for volume in barrel {
            // The last surface of a barrel volume is its disc at high z, which has the radii of the volume.
            let bounds = volume.surfaces.last().map(|disc| &disc.masks[0].bounds);
            let link = self.barrel_base() + to_barrel.len();
            to_barrel.extend(bounds.map(|b| ([b[0], b[1]], Some(link))));
        }
        let to_layer = Some(self.endcap_layer_volume(side, 0));
        let radii = [BEAM_PIPE_VOLUME_RADIUS, OUTER_RADIUS];
        let mut list = SurfaceList::new(volume);
        list.push(SurfaceKind::PORTAL, self.disc(barrel_end, &to_barrel));
        list.push(SurfaceKind::PORTAL, self.disc(endcap_end, &[(radii, to_layer)]));
        for (radius, link) in radii.into_iter().zip([Some(BEAM_PIPE), None]) {
            let portal = self.cylinder(radius, &[(z, link)], CYLINDER_MAP_THICKNESS[1]);
            list.push(SurfaceKind::PORTAL, portal);
        }
        finish("connector_gap", list, z)
    }

    fn beam_pipe(&self, negative: &[VolumeModel], positive: &[VolumeModel]) -> VolumeModel {
        let half = self.beam_pipe_half_length;
        let mut list = SurfaceList::new(BEAM_PIPE);
        let pipe = concentric(BEAM_PIPE_RADIUS, &[([-half, half], Some(BEAM_PIPE))]);
        let pipe = NewSurface { material: self.beam_pipe_material.clone(), ..pipe };
        list.push(SurfaceKind::PASSIVE, pipe);
        let reach =
            positive.iter().filter_map(z_ends).map(|z| z[1]).fold(BARREL_HALF_LENGTH, f64::max);
        let disc = |z| self.disc(z, &[([0.0, BEAM_PIPE_VOLUME_RADIUS], None)]);
        let along = |side, volumes: &[VolumeModel]| {
            let first = self.side_base(side);
            let masks: Vec<_> = volumes
                .iter()
                .enumerate()
                .filter_map(|(i, v)| Some((z_ends(v)?, Some(first + i))))
                .collect();
            self.cylinder(BEAM_PIPE_VOLUME_RADIUS, &masks, CYLINDER_MAP_THICKNESS[1])
        };
        list.push(SurfaceKind::PORTAL, disc(-reach));
        if !negative.is_empty() {
            list.push(SurfaceKind::PORTAL, along(Side::Negative, negative));
        }
        let barrel = ([-BARREL_HALF_LENGTH, BARREL_HALF_LENGTH], Some(self.barrel_gap_volume(0)));
        let to_barrel =
            self.cylinder(BEAM_PIPE_VOLUME_RADIUS, &[barrel], CYLINDER_MAP_THICKNESS[1]);
        list.push(SurfaceKind::PORTAL, to_barrel);
        list.push(SurfaceKind::PORTAL, disc(reach));
        if !positive.is_empty() {
            list.push(SurfaceKind::PORTAL, along(Side::Positive, positive));
        }
        finish("beampipe", list, [-reach, reach])
    }

    /// A cylindrical portal; only portals that lead to one volume carry a material map.
    fn cylinder(
        &self,
        radius: f64,
        masks: &[([f64; 2], Option<usize>)],
        thickness: f64,
    ) -> NewSurface {
        let material = match masks {
            [(z, _)] if self.maps => {
                Some(cylinder_map(portal_material(), *z, |z| thickness + 1.0e-8 * z * z))
            }
            _ => None,
        };
        NewSurface { material, ..concentric(radius, masks) }
    }

    /// A disc-like portal; only portals that lead to one volume carry a material map.
    fn disc(&self, z: f64, masks: &[([f64; 2], Option<usize>)]) -> NewSurface {
        let material = match masks {
            [(radii, _)] if self.maps => {
                Some(disc_map(portal_material(), *radii, |r| 1.0 + 1.0e-4 * r))
            }
            _ => None,
        };
        let mask = |&(r, link): &([f64; 2], _)| MaskModel { bounds: vec![r[0], r[1]], link };
        NewSurface {
            placement: Placement::at([0.0, 0.0, z]),
            shape: Shape::Ring,
            masks: masks.iter().map(mask).collect(),
            material,
        }
    }
}

fn portal_material() -> traccc_core::detector::Material {
    mixture(&[(0.9, SILICON_TML), (0.1, ALUMINIUM)])
}

fn concentric(radius: f64, masks: &[([f64; 2], Option<usize>)]) -> NewSurface {
    let mask = |&(z, link): &([f64; 2], _)| MaskModel { bounds: vec![radius, z[0], z[1]], link };
    NewSurface {
        placement: Placement::IDENTITY,
        shape: Shape::ConcentricCylinder,
        masks: masks.iter().map(mask).collect(),
        material: None,
    }
}

/// The z range of a volume, from its cylindrical portals, in mm.
fn z_ends(volume: &VolumeModel) -> Option<[f64; 2]> {
    let portal = volume.surfaces.iter().find(|s| s.shape == Shape::ConcentricCylinder)?;
    let bounds = &portal.masks[0].bounds;
    Some([bounds[1], bounds[2]])
}

fn finish(name: &str, list: SurfaceList, z: [f64; 2]) -> VolumeModel {
    VolumeModel {
        name: format!("{name}_{}", list.volume),
        shape: VolumeShape::Cylinder,
        placement: Placement::at([0.0, 0.0, 0.5 * (z[0] + z[1])]),
        surfaces: list.surfaces,
        grids: Vec::new(),
    }
}

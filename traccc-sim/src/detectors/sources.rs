use traccc_core::detector::SurfaceKind;

/// The identifier of surface `surface` of volume `volume` in the bit layout of ACTS.
///
/// Volume (8 bits, from 1), boundary of portals (8), layer (12, always 2), approach number of passive surfaces (8),
/// sensitive number (20), extra (8, 0). Only the identifiers of sensitive surfaces are unique: eight bits do not hold
/// the portal numbers of a volume with many sensors, so they start again at 1 after 255, as in upstream's files.
pub(super) fn source_id(volume: usize, kind: SurfaceKind, surface: usize) -> u64 {
    let (volume, surface) = (volume as u64, surface as u64);
    let in_volume = (volume + 1) << 56;
    let number = if kind == SurfaceKind::PORTAL { surface % 255 + 1 } else { surface + 1 };
    match kind {
        SurfaceKind::PORTAL => in_volume | number << 48,
        SurfaceKind::PASSIVE => in_volume | 2 << 36 | number << 28,
        _ => in_volume | 2 << 36 | number << 8,
    }
}

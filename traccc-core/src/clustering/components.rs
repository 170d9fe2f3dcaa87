/// Finds the connected components of the cells of one module; keeps its memory from module to module.
#[derive(Debug, Default)]
pub(super) struct Components {
    /// While searching: for each cell an earlier (or the same) cell of its component. After: the component's number.
    labels: Vec<u32>,
}

impl Components {
    /// Numbers the components in the order of their first cells and gives the number of each cell.
    ///
    /// Cells come in ascending order of (`channel1`, `channel0`). A cell can then touch only the cell before it and a
    /// few cells of the row below, which one moving window visits: the work is linear in the number of cells. In any
    /// other order components can come apart, nothing else.
    pub(super) fn find(&mut self, channel0: &[u32], channel1: &[u32]) -> &[u32] {
        let labels = &mut self.labels;
        labels.clear();
        let mut row = 0;
        let mut root = 0;
        // Cells of the row below that can touch this cell or later ones.
        let mut window = 0..0;
        for cell in 0..channel0.len() {
            if channel1[cell] != channel1[row] {
                let touches = channel1[cell].wrapping_sub(channel1[row]) == 1;
                window = if touches { row..cell } else { cell..cell };
                row = cell;
            }
            let channel = channel0[cell];
            labels.push(cell as u32);
            // The root of the cell before stays in hand: nothing has been joined since.
            if cell == row || channel.wrapping_sub(channel0[cell - 1]) > 1 {
                root = cell as u32;
            }
            while window.start < window.end && channel0[window.start] < channel.saturating_sub(1) {
                window.start += 1;
            }
            for below in window.clone() {
                if channel0[below] > channel.saturating_add(1) {
                    break;
                }
                let other = find_root(labels, below as u32);
                labels[root.max(other) as usize] = root.min(other);
                root = root.min(other);
            }
            labels[cell] = root;
        }
        number(labels);
        labels
    }
}

/// The first cell of a component; halves the path to it on the way.
fn find_root(labels: &mut [u32], mut cell: u32) -> u32 {
    while labels[cell as usize] != cell {
        let parent = labels[cell as usize];
        labels[cell as usize] = labels[parent as usize];
        cell = labels[cell as usize];
    }
    cell
}

/// Replaces links to earlier cells by component numbers. A link never points forward, so its target is done already.
fn number(labels: &mut [u32]) {
    let mut components = 0;
    for cell in 0..labels.len() {
        if labels[cell] as usize == cell {
            labels[cell] = components;
            components += 1;
        } else {
            labels[cell] = labels[labels[cell] as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(cells: &[(u32, u32)]) -> Vec<u32> {
        let (channel0, channel1): (Vec<u32>, Vec<u32>) = cells.iter().copied().unzip();
        Components::default().find(&channel0, &channel1).to_vec()
    }

    #[test]
    fn cells_that_share_a_corner_are_one_component() {
        assert_eq!(find(&[(4, 1), (5, 2), (4, 3)]), [0, 0, 0]);
    }

    #[test]
    fn a_gap_of_one_channel_separates() {
        assert_eq!(find(&[(4, 1), (6, 1), (4, 3)]), [0, 1, 2]);
    }

    #[test]
    fn arms_that_meet_late_are_one_component() {
        // A U: two arms that only the last row joins, beside a component that began between them.
        let cells = [(0, 0), (4, 0), (9, 0), (0, 1), (4, 1), (0, 2), (1, 2), (2, 2), (3, 2)];
        assert_eq!(find(&cells), [0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_last_channels_are_channels_as_any() {
        let (last, next) = (u32::MAX, u32::MAX - 1);
        let cells = [(0, next), (next, next), (last, next), (5, last), (last, last)];
        assert_eq!(find(&cells), [0, 1, 1, 2, 1]);
        assert_eq!(find(&[(last, 1), (3, 2), (last, 2)]), [0, 1, 0]);
    }

    #[test]
    fn cells_in_another_order_have_components_too() {
        assert_eq!(find(&[(4, 3), (9, 1), (5, 1), (4, 1)]), [0, 1, 2, 3]);
    }

    #[test]
    fn no_cells_have_no_component() {
        assert!(find(&[]).is_empty());
    }
}

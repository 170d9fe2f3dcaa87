use super::{Area, Drawn, PlotError, tick, write};
use crate::load::LoadReport;
use plotters::prelude::{
    BLACK, BLUE, ChartBuilder, Circle, LabelAreaPosition, LineSeries, PathElement, RED, RGBColor,
    SeriesLabelPosition, WHITE,
};
use plotters::style::Color;
use std::path::Path;

/// One load and how it was borne.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPoint {
    /// Clients at once, or requests per second.
    pub load: f64,
    /// What was measured.
    pub report: LoadReport,
}

/// Draws throughput and latency against load as an SVG file. `load` names what varies.
///
/// # Errors
/// [`PlotError`], with the file.
pub fn plot_load(path: &Path, load: &str, points: &[LoadPoint]) -> Result<(), PlotError> {
    let failed: usize = points.iter().map(|point| point.report.failed()).sum();
    let answers: usize = points.iter().map(|point| point.report.latencies.len()).sum();
    let caption = match failed {
        0 => format!("{answers} answers"),
        _ => format!("{answers} answers; {failed} failed requests are in neither drawing"),
    };
    write(path, (720, 720), |area| {
        let (upper, lower) = area.split_vertically(375);
        let throughput = points.iter().map(|p| (p.load, p.report.throughput())).collect();
        draw(&upper, Some(&caption), load, "answers per second", &[("", BLUE, throughput)])?;
        let percentile = |percent: f64| {
            let ms =
                |p: &LoadPoint| Some((p.load, p.report.percentile(percent)?.as_secs_f64() * 1e3));
            points.iter().filter_map(ms).collect()
        };
        let latencies = [
            ("p99", RED, percentile(99.0)),
            ("p95", ORANGE, percentile(95.0)),
            ("p50", BLUE, percentile(50.0)),
        ];
        draw(&lower, None, load, "latency [ms]", &latencies)
    })
}

const ORANGE: RGBColor = RGBColor(230, 140, 0);

type Series = (&'static str, RGBColor, Vec<(f64, f64)>);

fn draw(area: &Area<'_>, caption: Option<&str>, x: &str, y: &str, series: &[Series]) -> Drawn {
    let points = || series.iter().flat_map(|(_, _, points)| points);
    let highest = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let above = |value: f64| if value > 0.0 { 1.1 * value } else { 1.0 };
    let (right, top) = (above(highest(|p| p.0)), above(highest(|p| p.1)));
    let mut builder = ChartBuilder::on(area);
    if let Some(caption) = caption {
        builder.caption(caption, ("sans-serif", 16));
    }
    let mut chart = builder
        .margin(12)
        .set_label_area_size(LabelAreaPosition::Left, 72)
        .set_label_area_size(LabelAreaPosition::Bottom, 48)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&|value| tick(*value, right))
        .y_label_formatter(&|value| tick(*value, top))
        // Nobody counts half a client.
        .x_labels(right.clamp(1.0, 10.0) as usize + 1)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    for (name, colour, points) in series {
        let line = chart.draw_series(LineSeries::new(points.iter().copied(), *colour))?;
        let colour = *colour;
        if !name.is_empty() {
            let sample = move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour);
            line.label(*name).legend(sample);
        }
        chart.draw_series(points.iter().map(|&at| Circle::new(at, 3, colour.filled())))?;
    }
    if series.len() > 1 {
        // Latency grows with load: this corner is free.
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 13))
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn loads_without_any_answer_are_drawn_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("load.svg");
        let answered = LoadReport {
            time: Duration::from_secs(1),
            latencies: vec![Duration::from_millis(4); 20],
            ..LoadReport::default()
        };
        let errors = [("UNAVAILABLE", 7)].into();
        let points = [
            LoadPoint { load: 1.0, report: answered },
            LoadPoint { load: 2.0, report: LoadReport { errors, ..LoadReport::default() } },
        ];
        for (points, circles) in [(&points[..], 5), (&points[1..], 1), (&[], 0)] {
            plot_load(&path, "clients", points).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches("<circle").count(), circles);
            assert!(text.contains("p99") && !text.contains("NaN"), "{text}");
            assert_eq!(text.contains("; 7 failed requests"), circles > 0, "{text}");
        }
        let error = plot_load(folder.path(), "clients", &[]).unwrap_err();
        assert!(matches!(error, PlotError::Write { .. }), "{error}");
    }
}

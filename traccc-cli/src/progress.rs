use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error that counts events; invisible where that is no terminal.
pub(crate) fn progress_bar(events: usize) -> ProgressBar {
    let bar = ProgressBar::new(events as u64);
    let template = "{bar:40} {pos}/{len} events, {per_sec}, {eta} left";
    // The default style serves as well, should the template ever be wrong.
    ProgressStyle::with_template(template).into_iter().for_each(|style| bar.set_style(style));
    bar
}

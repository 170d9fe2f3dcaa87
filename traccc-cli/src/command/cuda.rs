use crate::Verdict;
use crate::terminal;
use anyhow::{Result, ensure};
use clap::Subcommand;
use std::io::Write;
use std::path::PathBuf;
use traccc::cuda::{Cache, Nvrtc, cards, kernel_files};

/// Commands about GPUs.
#[derive(Subcommand, Debug)]
pub(crate) enum CudaCommand {
    /// Tell which cards and which compiler of kernels there are, and what is missing
    Info,
    /// Compile the kernels for cards that are not here, for machines that have a driver and no compiler
    Prebuild {
        /// Architectures of the cards: sm_80 (A100), sm_86, sm_89 (L4, L40), sm_90 (H100, H200), sm_100, sm_120
        #[arg(long, value_name = "SM,...", value_delimiter = ',', required = true)]
        arch: Vec<String>,
        /// Folder to fill; there TRACCC_CACHE names it
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
}

/// Tells about GPUs or compiles kernels.
pub(crate) fn cuda(command: &CudaCommand) -> Result<Verdict> {
    match command {
        CudaCommand::Info => info(),
        CudaCommand::Prebuild { arch, output } => prebuild(arch, output.clone()),
    }
}

fn info() -> Result<Verdict> {
    let mut out = terminal::stdout();
    match cards() {
        Ok(cards) if cards.is_empty() => writeln!(out, "cards: none that this process may see")?,
        Ok(cards) => {
            for (number, card) in cards.iter().enumerate() {
                writeln!(out, "cuda:{number}: {card}")?;
            }
        }
        Err(error) => writeln!(out, "cards: {error}")?,
    }
    match Nvrtc::load() {
        Ok(Nvrtc { folder, version: (major, minor) }) => {
            writeln!(out, "NVRTC {major}.{minor}: {}", folder.display())?;
        }
        Err(error) => writeln!(out, "NVRTC: {error}")?,
    }
    match Cache::of_user().folder() {
        Some(folder) => writeln!(out, "compiled kernels are kept in {}", folder.display())?,
        None => writeln!(out, "compiled kernels are not kept: set TRACCC_CACHE to a folder")?,
    }
    Ok(Verdict::Done)
}

fn prebuild(architectures: &[String], output: PathBuf) -> Result<Verdict> {
    for architecture in architectures {
        let number = architecture.strip_prefix("sm_").unwrap_or_default();
        let sound = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ensure!(sound, "--arch: `{architecture}` is no architecture, expected one such as `sm_90`");
    }
    let cache = Cache::in_folder(output);
    let mut out = terminal::stdout();
    for architecture in architectures {
        for file in kernel_files() {
            let code = cache.code(&file, architecture)?;
            writeln!(out, "{file} for {architecture}: {} bytes", code.len())?;
        }
    }
    Ok(Verdict::Done)
}

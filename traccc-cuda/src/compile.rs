//! Kernels from source to machine code of a card, by NVRTC, kept in a folder.
#![expect(unsafe_code, reason = "NVRTC is a C library")]

use crate::error::Error;
use crate::kernels::sources;
use cudarc::nvrtc::sys as nvrtc;
use std::ffi::{CStr, CString, c_char, c_int};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The options that decide about bits: no product is fused with a sum, division and root are rounded as IEEE says.
const OPTIONS: [&str; 5] =
    ["--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"];

/// A version of NVRTC that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nvrtc {
    /// Where it was found; the loader's choice where that is empty.
    pub folder: PathBuf,
    /// Major and minor version.
    pub version: (i32, i32),
}

/// Names of the library and of the one that it loads by name.
const LIBRARIES: [[&str; 2]; 2] =
    [["libnvrtc-builtins.so.13.0", "libnvrtc.so.13"], ["libnvrtc-builtins.so", "libnvrtc.so"]];

/// Folders in which NVRTC may lie: that of `TRACCC_NVRTC`, toolkits, and PyPI's wheels.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("TRACCC_NVRTC").map(PathBuf::from).into_iter().collect();
    for name in ["CUDA_HOME", "CUDA_PATH"] {
        folders.extend(std::env::var_os(name).map(|root| Path::new(&root).join("lib64")));
    }
    folders.push("/usr/local/cuda/lib64".into());
    let mut roots: Vec<PathBuf> = vec!["/usr/lib".into(), "/usr/local/lib".into()];
    roots.extend(std::env::var_os("VIRTUAL_ENV").map(|root| Path::new(&root).join("lib")));
    roots.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/lib")));
    for root in roots {
        let pythons = fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
        for python in pythons.filter(|path| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("python"))
        }) {
            for packages in ["site-packages", "dist-packages"] {
                for wheel in ["nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"] {
                    folders.push(python.join(packages).join(wheel));
                }
            }
        }
    }
    folders
}

impl Nvrtc {
    /// Finds and loads NVRTC, once for the process.
    ///
    /// # Errors
    /// [`Error::Missing`] with the places that were looked at.
    pub fn load() -> Result<Self, Error> {
        static FOUND: OnceLock<Option<Nvrtc>> = OnceLock::new();
        FOUND.get_or_init(Self::find).clone().ok_or_else(|| Error::Missing {
            what: "NVRTC",
            advice: "install the CUDA toolkit 13 or `pip install nvidia-cuda-nvrtc==13.0.88`, or set TRACCC_NVRTC to the folder of \
                     libnvrtc.so.13; `traccc cuda prebuild` makes kernels for machines that have none"
                .into(),
        })
    }

    fn find() -> Option<Self> {
        let folder = folders().into_iter().find(|folder| {
            LIBRARIES.iter().any(|[_, library]| folder.join(library).exists()) && preload(folder)
        });
        // SAFETY: looks for the library, which does nothing when it is loaded.
        if folder.is_none() && !unsafe { nvrtc::is_culib_present() } {
            return None;
        }
        let (mut major, mut minor): (c_int, c_int) = (0, 0);
        // SAFETY: two places for two numbers.
        let found = unsafe { nvrtc::nvrtcVersion(&mut major, &mut minor) };
        found.result().ok()?;
        Some(Self { folder: folder.unwrap_or_default(), version: (major, minor) })
    }

    /// Machine code of a source file for an architecture such as `sm_90`, and what the assembler says of registers and memory.
    ///
    /// # Errors
    /// [`Error::Compile`] with the compiler's words.
    pub fn compile(&self, file: &str, architecture: &str) -> Result<(Vec<u8>, String), Error> {
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let failed = |log: String| Error::Compile { file: file.to_owned(), log };
        let all = sources();
        let source = all.iter().find(|(name, _)| *name == file).map_or("", |(_, source)| source);
        let headers: Vec<(CString, CString)> = all
            .iter()
            .filter(|(name, _)| name.ends_with(".cuh"))
            .map(|(name, source)| (text(name), text(source)))
            .collect();
        let names: Vec<*const c_char> = headers.iter().map(|(name, _)| name.as_ptr()).collect();
        let sources: Vec<*const c_char> =
            headers.iter().map(|(_, source)| source.as_ptr()).collect();
        let (source, name) = (text(source), text(file));
        let mut program = std::ptr::null_mut();
        // SAFETY: all strings end with zero and live until the program is destroyed.
        let created = unsafe {
            nvrtc::nvrtcCreateProgram(
                &mut program,
                source.as_ptr(),
                name.as_ptr(),
                headers.len() as c_int,
                sources.as_ptr(),
                names.as_ptr(),
            )
        };
        created.result().map_err(|error| failed(format!("{error:?}")))?;
        let mut options: Vec<CString> = OPTIONS.iter().map(|option| text(option)).collect();
        options.push(text(&format!("--gpu-architecture={architecture}")));
        options.push(text("--ptxas-options=-v"));
        if std::env::var_os("TRACCC_LINE_INFO").is_some() {
            options.push(text("--generate-line-info"));
        }
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the program was created above, and the lengths are those that it says.
        unsafe {
            let compiled =
                nvrtc::nvrtcCompileProgram(program, options.len() as c_int, options.as_ptr());
            let mut size = 0;
            let log = match nvrtc::nvrtcGetProgramLogSize(program, &mut size).result() {
                Ok(()) if size > 1 => {
                    let mut log = vec![0_u8; size];
                    // Without a log there is nothing to say.
                    let _ = nvrtc::nvrtcGetProgramLog(program, log.as_mut_ptr().cast());
                    CStr::from_bytes_until_nul(&log)
                        .map(|log| log.to_string_lossy().into_owned())
                        .unwrap_or_default()
                }
                _ => String::new(),
            };
            let mut code = Vec::new();
            let result = compiled
                .result()
                .and_then(|()| nvrtc::nvrtcGetCUBINSize(program, &mut size).result())
                .and_then(|()| {
                    code = vec![0_u8; size];
                    nvrtc::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()).result()
                });
            let _ = nvrtc::nvrtcDestroyProgram(&mut program);
            match result {
                Ok(()) => Ok((code, log)),
                Err(error) => Err(failed(format!("{error:?}\n{log}"))),
            }
        }
    }
}

/// Loads the libraries by their paths, so that who asks for them by name gets these.
fn preload(folder: &Path) -> bool {
    LIBRARIES.iter().any(|names| {
        names.iter().all(|name| {
            // SAFETY: NVIDIA's libraries; they do nothing when they are loaded.
            let library = unsafe { libloading::Library::new(folder.join(name)) };
            // Never unloaded.
            library.map(std::mem::forget).is_ok()
        })
    })
}

/// Machine code that was made before.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    /// Of sources and options.
    hash: u128,
}

/// Ahead of the code in a file: whoever has it has the whole file.
const MAGIC: &[u8; 8] = b"traccc01";

impl Cache {
    /// The folder of `TRACCC_CACHE`, else that of the user for such things; none where there is neither.
    pub fn of_user() -> Self {
        let folder = std::env::var_os("TRACCC_CACHE").map(PathBuf::from).or_else(|| {
            let root = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
            root.or_else(home).map(|root| root.join("traccc"))
        });
        Self { folder, hash: hash_of_sources() }
    }

    /// A certain folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), hash: hash_of_sources() }
    }

    /// Where code is kept; nothing where it is not.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Where the code of a source file is kept: sources, options and architecture are in the name.
    fn place(&self, file: &str, architecture: &str) -> Option<PathBuf> {
        let name = file.trim_end_matches(".cu").replace('/', "-");
        Some(self.folder.as_ref()?.join(format!("{name}-{architecture}-{:032x}.cubin", self.hash)))
    }

    /// The code of a source file for an architecture: as it is kept, else compiled and kept. A folder that cannot be written is no
    /// error, and a damaged file is made anew.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is neither kept nor NVRTC is there, [`Error::Compile`].
    pub fn code(&self, file: &str, architecture: &str) -> Result<Vec<u8>, Error> {
        let place = self.place(file, architecture);
        if let Some(code) =
            place.as_ref().and_then(|place| fs::read(place).ok()).and_then(|bytes| whole(&bytes))
        {
            return Ok(code);
        }
        let (code, _) = Nvrtc::load()?.compile(file, architecture)?;
        if let Some(place) = place
            && let Err(error) = keep(&place, &code)
        {
            tracing::debug!(place = %place.display(), %error, "kernels are not kept");
        }
        Ok(code)
    }
}

/// Of everything but the architecture that decides about the code.
fn hash_of_sources() -> u128 {
    let mut hash = Fnv::default();
    for (name, source) in sources() {
        hash.add(name.as_bytes());
        hash.add(source.as_bytes());
    }
    OPTIONS.iter().for_each(|option| hash.add(option.as_bytes()));
    hash.0
}

/// The code in a kept file, if nothing is missing or changed.
fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (hash, code) = rest.split_first_chunk::<16>()?;
    let mut found = Fnv::default();
    found.add(code);
    (u128::from_le_bytes(*hash) == found.0).then(|| code.to_vec())
}

fn keep(place: &Path, code: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
    let mut hash = Fnv::default();
    hash.add(code);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(hash.0.to_le_bytes());
    bytes.extend(code);
    // Whoever reads at the same time sees all of the file or none.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unfinished = place.with_extension(format!("{}-{number}.tmp", std::process::id()));
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, place)
}

/// FNV-1a of 128 bits.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 =
                (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        // Two texts one after the other are not one longer text.
        self.0 =
            (self.0 ^ bytes.len() as u128).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_whole_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("below/code.cubin");
        let code = vec![7_u8; 1000];
        keep(&place, &code).unwrap();
        let bytes = fs::read(&place).unwrap();
        assert_eq!(whole(&bytes), Some(code));
        for length in [0, 4, 8, 20, 24, bytes.len() - 1] {
            assert_eq!(whole(&bytes[..length]), None, "{length} bytes");
        }
        for at in [0, 10, 24, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(whole(&damaged), None, "byte {at}");
        }
    }

    #[test]
    fn whoever_writes_at_the_same_time_leaves_whole_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("code.cubin");
        std::thread::scope(|scope| {
            for value in 0..4_u8 {
                let place = &place;
                scope.spawn(move || {
                    for _ in 0..50 {
                        keep(place, &vec![value; 100_000]).unwrap();
                        assert!(whole(&fs::read(place).unwrap()).is_some());
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
    }
}

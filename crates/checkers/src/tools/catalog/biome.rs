//! What Biome's two tools share.

use crate::tools::tool::Native;

/// The executables that the script in `node_modules/.bin` would start; npm installs the one that fits.
pub(super) const NATIVE: &[Native] = &[
    native("linux", "x86_64", "@biomejs/cli-linux-x64/biome"),
    native("linux", "x86_64", "@biomejs/cli-linux-x64-musl/biome"),
    native("linux", "aarch64", "@biomejs/cli-linux-arm64/biome"),
    native("linux", "aarch64", "@biomejs/cli-linux-arm64-musl/biome"),
    native("macos", "x86_64", "@biomejs/cli-darwin-x64/biome"),
    native("macos", "aarch64", "@biomejs/cli-darwin-arm64/biome"),
    native("windows", "x86_64", "@biomejs/cli-win32-x64/biome.exe"),
    native("windows", "aarch64", "@biomejs/cli-win32-arm64/biome.exe"),
];

const fn native(os: &'static str, arch: &'static str, path: &'static str) -> Native {
    Native { os, arch, path }
}

//! What the shell of Windows shows of the program.

fn main() {
    println!("cargo::rerun-if-changed=assets/windows");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("windows") {
        resources().compile().expect("the resource compiler of the target is there");
    }
}

/// Icon, manifest and version; what is not set here is as Cargo.toml has it.
fn resources() -> winresource::WindowsResource {
    let mut resources = winresource::WindowsResource::new();
    resources
        .set_icon("assets/windows/adit.ico")
        .set_manifest_file("assets/windows/adit-desktop.manifest")
        .set("ProductName", "Adit")
        .set("FileDescription", "Adit")
        .set("OriginalFilename", "adit-desktop.exe")
        .set("LegalCopyright", "The Adit contributors; MIT or Apache-2.0");
    resources
}

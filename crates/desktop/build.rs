//! Compiles the interface, and on Windows what its shell shows of the program.

use slint_build::{CompilerConfiguration, DefaultTranslationContext, EmbedResourcesKind};

fn main() {
    // Tests find elements by their names; what is shipped does not carry them.
    let is_debug = std::env::var("PROFILE").as_deref() == Ok("debug");
    let config = CompilerConfiguration::new()
        .embed_resources(EmbedResourcesKind::EmbedFiles)
        .with_bundled_translations("lang")
        .with_default_translation_context(DefaultTranslationContext::None)
        .with_debug_info(is_debug);
    println!("cargo::rerun-if-changed=lang");
    slint_build::compile_with_config("ui/app.slint", config).expect("the interface compiles");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("windows") {
        resources().compile().expect("the resource compiler of the target is there");
    }
}

/// Icon, manifest and version; what is not set here is as Cargo.toml has it.
fn resources() -> winresource::WindowsResource {
    println!("cargo::rerun-if-changed=assets/windows");
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

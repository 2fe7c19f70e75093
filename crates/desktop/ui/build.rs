//! Compiles the interface.

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
    slint_build::compile_with_config("app.slint", config).expect("the interface compiles");
}

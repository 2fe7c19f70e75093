//! What Slint makes of `ui/`.

slint::include_modules!();

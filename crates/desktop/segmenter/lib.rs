//! Stands for `icu_segmenter_data` of ICU4X in the desktop app (`[patch]` in the workspace's Cargo.toml): its rules, and not
//! the dictionaries of Chinese, Japanese, Burmese, Khmer, Lao and Thai, which are three megabytes of the program.
//!
//! Slint asks for them whether an interface speaks these languages or not, and ours does not. `icu_segmenter` does without a
//! dictionary that is not there: text in these scripts is shown as always, and is broken where its characters allow it, not
//! between words that only a dictionary tells apart. See docs/decisions/0007-small-programs.md.
//!
//! `data/` is ICU4X's own, of the version in Cargo.toml, untouched and under its LICENSE: to follow a newer one, copy the files
//! named here from it.

#![no_std]

include!("data/segmenter_break_grapheme_cluster_v1.rs.data");
include!("data/segmenter_break_line_v1.rs.data");
include!("data/segmenter_break_sentence_override_v1.rs.data");
include!("data/segmenter_break_sentence_v1.rs.data");
include!("data/segmenter_break_word_override_v1.rs.data");
include!("data/segmenter_break_word_v1.rs.data");

/// Of which CLDR the data is.
#[macro_export]
macro_rules! cldr_tag {
    () => {
        "49.0.0"
    };
}

/// Of which Unicode the data is.
#[macro_export]
macro_rules! unicode_tag {
    () => {
        "18.0.0"
    };
}

/// Models are not here either.
#[macro_export]
macro_rules! segmenter_lstm_tag {
    () => {
        "none"
    };
}

/// Makes a type one that data can be given to.
#[macro_export]
macro_rules! make_provider {
    ($provider:ty) => {
        impl $provider {
            pub(crate) const MUST_USE_MAKE_PROVIDER_MACRO: () = ();
        }
        icu_provider::marker::impl_data_provider_never_marker!($provider);
    };
}

/// No dictionary for words of Chinese and Japanese.
#[macro_export]
macro_rules! impl_segmenter_dictionary_auto_v2 {
    ($provider:ty) => {
        $crate::without!($provider, icu::segmenter::provider::SegmenterDictionaryAutoV2);
    };
}

/// No dictionaries for lines and words of Burmese, Khmer, Lao and Thai.
#[macro_export]
macro_rules! impl_segmenter_dictionary_extended_v2 {
    ($provider:ty) => {
        $crate::without!($provider, icu::segmenter::provider::SegmenterDictionaryExtendedV2);
    };
}

/// A provider that has nothing of a kind, as one has that was generated for other languages.
#[doc(hidden)]
#[macro_export]
macro_rules! without {
    ($provider:ty, $marker:path) => {
        impl icu_provider::DataProvider<$marker> for $provider {
            fn load(
                &self,
                req: icu_provider::DataRequest<'_>,
            ) -> Result<icu_provider::DataResponse<$marker>, icu_provider::DataError> {
                let missing = icu_provider::DataErrorKind::IdentifierNotFound;
                Err(missing.with_req(<$marker as icu_provider::DataMarker>::INFO, req))
            }
        }
    };
}

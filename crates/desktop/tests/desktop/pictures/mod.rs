//! Every screen as it is drawn, in both themes and both languages, beside the picture of it in docs/screenshots.
//!
//! `scripts/screenshots` takes the pictures anew; then look at what has changed. The fonts are the app's own and the
//! renderer is the software one, so a picture is the same on every machine, but for the last bit of a blend.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use adit_app::words::Language;
use adit_desktop::Appearance;
use adit_desktop::demo::Scene;
use slint::{Rgba8Pixel, SharedPixelBuffer};

use crate::common::Stage;

mod making;
mod screens;

/// The window as it comes, and as small as it gets, in logical pixels.
const WIDE: (u32, u32) = (960, 680);
const NARROW: (u32, u32) = (640, 440);

/// By how much a channel of a pixel may differ, of 255.
const SHADE: u8 = 16;

/// What so many pixels have is a surface, and is kept exactly.
const SURFACE: u32 = 300;

/// By how much the colour of another pixel may differ in a kept picture. Less than [`SHADE`].
const NEAR: u8 = 10;

/// How many pixels may differ by more, in a million.
const PIXELS: usize = 200;

/// A test for each picture: its world, its size, and how one gets there.
macro_rules! pictures {
    ($($name:ident: $scene:ident, $size:expr, $go:expr;)*) => {$(
        #[test]
        fn $name() {
            super::compare(stringify!($name), adit_desktop::demo::Scene::$scene, $size, $go);
        }
    )*};
}
use pictures;

fn compare(name: &str, scene: Scene, size: (u32, u32), go: fn(&Stage)) {
    let name = name.replace('_', "-");
    let mut differences = Vec::new();
    for (theme, appearance) in [("light", Appearance::Light), ("dark", Appearance::Dark)] {
        for language in Language::ALL {
            let stage = Stage::new(scene);
            stage.theme(appearance);
            stage.still();
            stage.window.speak(language);
            stage.size(size.0, size.1, 1.0);
            go(&stage);
            let drawn = Picture::of(&stage);
            differences.extend(drawn.differs(&format!("{name}-{theme}-{}.png", language.code())));
        }
    }
    assert!(
        differences.is_empty(),
        "{differences:#?}\nIf this is meant: scripts/screenshots {name}"
    );
}

/// The window of the README: everything twice as large.
#[test]
fn readme() {
    let differences: Vec<_> = [("light", Appearance::Light), ("dark", Appearance::Dark)]
        .into_iter()
        .filter_map(|(theme, appearance)| {
            let stage = Stage::new(Scene::Main);
            stage.theme(appearance);
            stage.still();
            stage.size(WIDE.0, WIDE.1, 2.0);
            stage.point(500.0, 280.0);
            Picture::of(&stage).differs(&format!("readme-{theme}.png"))
        })
        .collect();
    assert!(
        differences.is_empty(),
        "{differences:#?}\nIf this is meant: scripts/screenshots readme"
    );
}

/// Without transparency: three bytes a pixel.
#[derive(PartialEq, Eq)]
struct Picture {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Picture {
    fn of(stage: &Stage) -> Self {
        use slint::ComponentHandle as _;
        let drawn: SharedPixelBuffer<Rgba8Pixel> =
            stage.window.app().window().take_snapshot().unwrap();
        let bytes = drawn.as_slice().iter().flat_map(|it| [it.r, it.g, it.b]).collect();
        Self { width: drawn.width(), height: drawn.height(), bytes }
    }

    /// What is wrong with the picture of that name, which is replaced if pictures are taken anew.
    fn differs(&self, name: &str) -> Option<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let kept = root.join("docs/screenshots").join(name);
        let before = Self::read(&kept);
        let trouble = match &before {
            None => Some(format!("{name}: there is no such picture")),
            Some(before) => self.beside(before).map(|what| format!("{name}: {what}")),
        };
        if trouble.is_some() && std::env::var_os("ADIT_SCREENSHOTS").is_some() {
            self.write(&kept);
            return None;
        }
        trouble.map(|trouble| {
            let drawn: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            self.write(&drawn);
            format!("{trouble}; drawn now: {}", drawn.display())
        })
    }

    fn beside(&self, before: &Self) -> Option<String> {
        if (self.width, self.height) != (before.width, before.height) {
            return Some(format!("it was {} x {}", before.width, before.height));
        }
        let is_another =
            |(now, then): (&[u8], &[u8])| now.iter().zip(then).any(|(a, b)| a.abs_diff(*b) > SHADE);
        let pixels = self.bytes.chunks(3).zip(before.bytes.chunks(3));
        let others = pixels.filter(|pair| is_another(*pair)).count();
        let most = self.bytes.len() / 3 * PIXELS / 1_000_000;
        (others > most).then(|| format!("{others} pixels are others"))
    }

    fn read(file: &Path) -> Option<Self> {
        let mut decoder = png::Decoder::new(BufReader::new(File::open(file).ok()?));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(frame.color_type, png::ColorType::Rgb, "{}", file.display());
        Some(Self { width: frame.width, height: frame.height, bytes })
    }

    fn write(&self, file: &Path) {
        let (palette, indices) = self.to_palette();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let writer = BufWriter::new(File::create(file).unwrap());
        let mut encoder = png::Encoder::new(writer, self.width, self.height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette);
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header().unwrap().write_image_data(&indices).unwrap();
    }

    /// With the colours of surfaces as they are, and each of the many between them as a near one: a quarter of the size.
    fn to_palette(&self) -> (Vec<u8>, Vec<u8>) {
        let mut counts = BTreeMap::<[u8; 3], u32>::new();
        self.pixels().for_each(|it| *counts.entry(it).or_default() += 1);
        let mut colours: Vec<_> = counts.into_iter().collect();
        colours.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut palette = Vec::<[u8; 3]>::new();
        let mut index = BTreeMap::new();
        for (colour, count) in colours {
            let distance = |other: &[u8; 3]| (0..3).map(|it| colour[it].abs_diff(other[it])).max();
            let near = palette.iter().enumerate().min_by_key(|(_, other)| distance(other));
            let at = match near {
                Some((at, other)) if count < SURFACE && distance(other) <= Some(NEAR) => at,
                _ => {
                    palette.push(colour);
                    palette.len() - 1
                }
            };
            index.insert(colour, u8::try_from(at).expect("few are surfaces"));
        }
        (palette.concat(), self.pixels().map(|it| index[&it]).collect())
    }

    fn pixels(&self) -> impl Iterator<Item = [u8; 3]> {
        self.bytes.chunks(3).map(|it| [it[0], it[1], it[2]])
    }
}

//! What pulses, and for how long.

use std::time::Duration;

use adit_desktop::Pulse;
use adit_desktop::demo::Scene;
use slint::ComponentHandle;

use crate::common::Stage;

/// How much of a glyph that pulses is seen, in steps over three seconds.
fn seen(stage: &Stage) -> Vec<f32> {
    let step = |_| {
        stage.wait(Duration::from_millis(400));
        stage.window.app().global::<Pulse<'_>>().get_opacity()
    };
    (0..8).map(step).collect()
}

fn is_still(stage: &Stage) -> bool {
    seen(stage).iter().all(|it| *it == 1.0)
}

#[test]
fn what_is_under_way_pulses_until_it_is_over() {
    let stage = Stage::new(Scene::Main);
    assert!(!is_still(&stage));
    stage.press("Stop design-review");
    assert!(!is_still(&stage), "another is under way");
    stage.press("Stop webhooks");
    assert!(is_still(&stage));
    stage.press("Start webhooks");
    assert!(!is_still(&stage));
}

#[test]
fn it_pulses_for_half_a_minute_whatever_else_happens() {
    let stage = Stage::new(Scene::Main);
    for _ in 0..10 {
        seen(&stage);
    }
    assert!(is_still(&stage));
    stage.press("Stop billing");
    assert!(is_still(&stage), "what is under way is the same");
}

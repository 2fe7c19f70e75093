//! The list of a port's last requests.

use adit_desktop::demo::Scene;
use adit_desktop::{Nav, Port};
use adit_tunnel::host::Event::Observed;
use adit_tunnel::inspect::{self, Inspector, Keep, Observation};
use slint::{ComponentHandle as _, Model as _};

use crate::common::Stage;

#[test]
fn no_request_moves_under_the_pointer() {
    let stage = Stage::new(Scene::Main);
    let cards = stage.window.view().cards.clone();
    let card = cards.iter().find(|card| card.name == "storefront").unwrap();
    let nav = stage.window.app().global::<Nav<'_>>();
    nav.invoke_open_port(adit_desktop::adapter::terms::card_key(&card.id), 5173);
    stage.settle();
    let port = stage.window.app().global::<Port<'_>>();
    let first = || port.get_requests().row_data(0).unwrap();
    let (before, row) = (first(), stage.beginning(&format!("{}, ", first().time)));
    let at = row.absolute_position();
    stage.point(at.x + 200.0, at.y + 10.0);
    stage.one("no new ones under the pointer");
    let tunnel = card.tunnel().unwrap();
    let event = Observed(inspect::Observed { port: 5173, observation: visit() });
    stage.demo.change(|world| world.engine(tunnel, event));
    stage.pass(1);
    assert_eq!(first().id, before.id);
    stage.point(10.0, 10.0);
    stage.pass(1);
    assert_eq!(first().path, "/another");
}

/// A request and its answer, as the host sees them.
fn visit() -> Observation {
    let (inspector, mut seen) = Inspector::keeping(Keep::heads());
    let (mut tap, now) = (inspector.tap(5173, false), adit_wire::clock::now());
    tap.request(b"GET /another HTTP/1.1\r\nHost: localhost\r\n\r\n", now);
    tap.response(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", now);
    seen.try_recv().unwrap().observation
}

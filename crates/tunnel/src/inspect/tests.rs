use super::*;

/// Drives an observer in made-up time and collects what it says.
struct Watch {
    observer: Observer,
    now: Instant,
}

impl Watch {
    fn new() -> Self {
        Self { observer: Observer::new(), now: adit_wire::clock::now() }
    }

    /// Keeps heads, and bodies too.
    fn keeping() -> Self {
        let keep = Keep::heads();
        keep.bodies(80, true);
        Self { observer: Observer::keeping(keep.of(80)), ..Self::new() }
    }

    /// The exchanges that were seen.
    fn exchanges(&mut self) -> Vec<Exchange> {
        let seen = std::iter::from_fn(|| self.observer.poll());
        let exchange = |observation| match observation {
            Observation::Exchange(exchange) => exchange,
            Observation::NotInspected(why) => panic!("{why}"),
        };
        seen.map(exchange).collect()
    }

    fn wait(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self
    }

    fn request(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.observer.request(bytes.as_ref(), self.now);
        self
    }

    fn response(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.observer.response(bytes.as_ref(), self.now);
        self
    }

    fn response_end(&mut self) -> &mut Self {
        self.observer.response_end(self.now);
        self
    }

    fn close(&mut self) -> &mut Self {
        self.observer.close(self.now);
        self
    }

    /// What was seen, one line each.
    fn seen(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.observer.poll()).map(line).collect()
    }
}

fn line(observation: Observation) -> String {
    match observation {
        Observation::NotInspected(reason) => reason.to_string(),
        Observation::Exchange(Exchange {
            method,
            target,
            status,
            took,
            sent,
            received,
            ending,
            ..
        }) => {
            let status = status.map_or("-".to_owned(), |status| status.to_string());
            let took = took.as_millis();
            format!("{method} {target} {status} {took}ms >{sent} <{received} {ending}")
        }
    }
}

#[test]
fn a_request_and_its_answer_are_one_exchange() {
    let mut watch = Watch::new();
    watch.request("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n").wait(3);
    assert!(watch.response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe").seen().is_empty());
    watch.wait(4).response("llo");
    assert_eq!(watch.seen(), ["GET /a?b=c 200 7ms >0 <5 complete"]);
}

#[test]
fn keep_alive_and_pipelining_keep_their_order() {
    let mut watch = Watch::new();
    watch.request(
        "GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\n\
         Content-Length: 3\r\n\r\nabcGET /4 HTTP/1.1\r\n\r\n",
    );
    watch.response(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\
         HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
    );
    assert_eq!(
        watch.seen(),
        [
            "GET /1 200 0ms >0 <1 complete",
            "HEAD /2 200 0ms >0 <0 complete",
            "POST /3 204 0ms >3 <0 complete",
            "GET /4 304 0ms >0 <0 complete",
        ]
    );
    watch.request("GET /5 HTTP/1.1\r\n\r\n").response("HTTP/1.1 200 OK\r\n\r\n");
    watch.wait(9).response("until the end").response_end();
    assert_eq!(watch.seen(), ["GET /5 200 9ms >0 <13 complete"]);
}

#[test]
fn interim_answers_are_not_the_answer() {
    let mut watch = Watch::new();
    watch.request("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    watch.response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    watch.request("ab").response("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(watch.seen(), ["POST / 201 0ms >2 <0 complete"]);
}

#[test]
fn chunked_bodies_are_measured_without_their_framing() {
    let mut watch = Watch::new();
    watch.request("PUT /f HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n");
    watch.request("0\r\n\r\nGET /g HTTP/1.1\r\n\r\n");
    for byte in b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n" {
        watch.response([*byte]);
    }
    assert_eq!(watch.seen(), ["PUT /f 200 0ms >3 <4 complete"]);
    watch.response("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(watch.seen(), ["GET /g 404 0ms >0 <0 complete"]);
}

#[test]
fn an_upgraded_connection_is_left_alone() {
    let mut watch = Watch::new();
    watch.request(
        "GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    watch.response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01\x02");
    assert_eq!(watch.seen(), ["GET /ws 101 0ms >0 <0 upgraded, no longer inspected"]);
    watch.request("\x00\x01").response("\x02").close();
    assert!(watch.observer.is_done() && watch.seen().is_empty());
}

#[test]
fn an_upgrade_that_the_server_ignores_leaves_everything_as_it_was() {
    let mut watch = Watch::new();
    watch.request("GET /1 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
    watch.request("GET /2 HTTP/1.1\r\n\r\n");
    watch.response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    watch.response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(watch.seen(), ["GET /1 200 0ms >0 <0 complete", "GET /2 200 0ms >0 <0 complete"]);
}

#[test]
fn an_event_stream_is_reported_at_its_head_and_only_there() {
    let mut watch = Watch::new();
    watch.request("GET /events HTTP/1.1\r\n\r\n").wait(2);
    watch.response("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; x=y\r\n\r\ndata: 1\n\n");
    assert_eq!(watch.seen(), ["GET /events 200 2ms >0 <0 streaming"]);
    watch.response("data: 2\n\n").close();
    assert!(watch.seen().is_empty());
}

#[test]
fn what_the_end_of_the_connection_cuts_is_said_to_be_cut() {
    let mut watch = Watch::new();
    watch.request("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    watch.response("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    watch.response_end().close();
    assert_eq!(watch.seen(), ["GET /1 200 0ms >0 <3 cut short", "GET /2 - 0ms >0 <0 cut short"]);
}

#[test]
fn an_early_answer_does_not_confuse_the_body_still_coming() {
    let mut watch = Watch::new();
    watch.request("POST /1 HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    watch.response("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(watch.seen(), ["POST /1 413 0ms >3 <0 complete"]);
    watch.request("defGET /2 HTTP/1.1\r\n\r\n");
    watch.response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(watch.seen(), ["GET /2 200 0ms >0 <0 complete"]);
}

#[test]
fn other_protocols_are_named_and_left_alone() {
    assert_eq!(Watch::new().request([0x16, 3, 1]).seen(), ["encrypted, not inspected"]);
    assert_eq!(Watch::new().request("\0\0\0\x08\r\n").seen(), ["not HTTP/1, not inspected"]);
    let greeting = "220 mail ready\r\n";
    assert_eq!(Watch::new().response(greeting).seen(), ["not HTTP/1, not inspected"]);
    let mut watch = Watch::new();
    watch.request(format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(70_000)));
    assert_eq!(watch.seen(), ["head too large, no longer inspected"]);
}

#[test]
fn a_client_that_pipelines_without_end_is_given_up() {
    let mut watch = Watch::new();
    watch.request("GET / HTTP/1.1\r\n\r\n".repeat(33));
    assert_eq!(watch.seen(), ["unclear framing, no longer inspected"]);
}

#[test]
fn any_cut_of_a_conversation_tells_the_same_story() {
    let requests = b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n\
        GET /2?x=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let responses = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n";
    for size in 1..requests.len() {
        let mut watch = Watch::new();
        requests.chunks(size).for_each(|piece| _ = watch.request(piece));
        responses.chunks(size).for_each(|piece| _ = watch.response(piece));
        let story = ["POST /1 200 0ms >2 <3 complete", "GET /2?x=1 200 0ms >0 <1 complete"];
        assert_eq!(watch.seen(), story, "in pieces of {size}");
    }
}

fn body(message: &Option<Box<Message>>) -> (&[u8], bool) {
    let body = message.as_ref().expect("a message").body.as_ref().expect("a body");
    (body.bytes(), body.is_cut())
}

#[test]
fn by_default_neither_headers_nor_bodies_are_kept() {
    let mut watch = Watch::new();
    watch.request("POST / HTTP/1.1\r\nX: 1\r\nContent-Length: 1\r\n\r\na");
    watch.response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
    let exchange = watch.exchanges().remove(0);
    assert_eq!((exchange.request, exchange.response), (None, None));
}

#[test]
fn heads_are_kept_without_bodies_where_only_heads_are_wanted() {
    let observer = Observer::keeping(Keep::heads().of(80));
    let mut watch = Watch { observer, ..Watch::new() };
    watch.request("POST / HTTP/1.0\r\nCookie: a=b\r\nContent-Length: 1\r\n\r\na");
    watch.response("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\n\r\n").response_end();
    let exchange = watch.exchanges().remove(0);
    let (request, response) = (exchange.request.expect("kept"), exchange.response.expect("kept"));
    assert_eq!((request.version, response.version), (Version::Http10, Version::Http11));
    assert_eq!(
        (request.header("cookie"), request.header("content-length")),
        (Some("•••"), Some("1"))
    );
    assert_eq!(response.content_type(), Some("text/html"));
    assert_eq!((request.body, response.body), (None, None));
}

#[test]
fn any_cut_of_a_conversation_keeps_the_same_bodies() {
    let requests =
        b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n\
        PUT /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz";
    let responses = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\n";
    for size in 1..requests.len() {
        let mut watch = Watch::keeping();
        requests.chunks(size).for_each(|piece| _ = watch.request(piece));
        responses.chunks(size).for_each(|piece| _ = watch.response(piece));
        let seen = watch.exchanges();
        let bodies: Vec<_> =
            seen.iter().map(|it| (body(&it.request), body(&it.response))).collect();
        let whole = |text: &'static str| (text.as_bytes(), false);
        let story = [(whole("abc"), whole("first")), (whole("xyz"), whole("second"))];
        assert_eq!(bodies, story, "in pieces of {size}");
    }
}

#[test]
fn a_body_that_is_not_whole_is_said_to_be_cut() {
    let mut watch = Watch::keeping();
    watch.request("POST /1 HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    watch.response("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    let early = watch.exchanges().remove(0);
    assert_eq!(
        (body(&early.request), body(&early.response)),
        ((&b"abc"[..], true), (&b"no"[..], false))
    );
    watch.request("defGET /2 HTTP/1.1\r\n\r\n");
    watch.response("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").close();
    let cut = watch.exchanges().remove(0);
    assert_eq!(
        (body(&cut.request), body(&cut.response)),
        ((&b""[..], false), (&b"half"[..], true))
    );
    let mut watch = Watch::keeping();
    let long = "x".repeat(MAX_BODY + 1);
    watch.request(format!("POST /3 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{long}", long.len()));
    watch.response("HTTP/1.1 204 No Content\r\n\r\n");
    let long = watch.exchanges().remove(0);
    assert_eq!((body(&long.request).0.len(), body(&long.request).1), (MAX_BODY, true));
    assert_eq!(long.sent, MAX_BODY as u64 + 1);
}

#[test]
fn nothing_of_an_event_stream_or_an_upgraded_connection_is_kept() {
    let mut watch = Watch::keeping();
    watch.request("GET /events HTTP/1.1\r\n\r\n");
    watch.response("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    let stream = watch.exchanges().remove(0).response.expect("its head");
    assert_eq!((stream.content_type(), &stream.body), (Some("text/event-stream"), &None));
    let mut watch = Watch::keeping();
    watch.request("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    watch.response("HTTP/1.1 101 Switching Protocols\r\n\r\n\x01\x02secret");
    let upgraded = watch.exchanges().remove(0);
    assert_eq!(body(&upgraded.response), (&b""[..], false));
}

#[test]
fn bodies_are_kept_from_the_next_request_on() {
    let keep = Keep::heads();
    let mut watch = Watch { observer: Observer::keeping(keep.of(80)), ..Watch::new() };
    let mut exchange = || {
        watch.request("GET / HTTP/1.1\r\n\r\n");
        watch.response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
        watch.exchanges().remove(0).response.expect("kept").body.is_some()
    };
    assert!(!exchange());
    keep.bodies(80, true);
    assert!(exchange());
    keep.bodies(80, false);
    assert!(!exchange());
}

#[test]
fn an_encrypted_port_keeps_nothing_whatever_is_wanted() {
    let keep = Keep::heads();
    keep.bodies(443, true);
    let (inspector, mut queue) = Inspector::keeping(keep);
    let mut tap = inspector.tap(443, true);
    tap.request(b"GET / HTTP/1.1\r\n\r\n", adit_wire::clock::now());
    let encrypted = Observation::NotInspected(NotInspected::Encrypted);
    assert_eq!(queue.try_recv().expect("that it is not looked into").observation, encrypted);
    assert!(!tap.is_looking() && queue.try_recv().is_err());
}

#[test]
fn a_slow_reader_loses_observations_and_they_are_counted() {
    let (inspector, mut queue) = Inspector::new();
    for _ in 0..QUEUE + 7 {
        let mut tap = inspector.tap(443, true);
        assert!(!tap.is_looking());
        tap.request(b"anything", adit_wire::clock::now());
    }
    assert_eq!(inspector.dropped(), 7);
    let first = queue.try_recv().expect("the oldest is kept");
    assert_eq!(first.port, 443);
    assert_eq!(first.observation, Observation::NotInspected(NotInspected::Encrypted));
}

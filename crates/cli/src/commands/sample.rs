//! `adit sample`: a page of its own, to have something to put at a URL.

use adit_app::failure::Outcome;
use adit_app::sample::Sample;

use crate::context::Context;
use crate::signal::Requests;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port to serve it on.
    #[arg(default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Outcome {
    let mut requests = Requests::listen()?;
    let sample = Sample::serve(Some(args.port))
        .map_err(|failure| failure.hint("choose another port: adit sample <port>"))?;
    context.screen.line(format!("A sample page is at http://localhost:{}/", sample.port()))?;
    requests.next().await;
    sample.end().await;
    Ok(())
}

//! All tunnels of the user, each with a look of its own where that is wanted.

use adit_proto::contracts::Tunnel;
use adit_wire::task::{self, Task};

use super::line::Line;
use super::shape::Listed;
use super::trouble::Trouble;
use super::{Cli, contract, locator};
use crate::management::{Error, Filter};

impl Cli {
    /// Tunnels as the list tells them, each with a look of its own if ports are wanted.
    pub(super) async fn all(&self, filter: &Filter) -> Result<Vec<Tunnel>, Error> {
        let mut line = Line::new("list");
        let name = if filter.all_labels { "--all-labels" } else { "--labels" };
        for label in &filter.labels {
            line = line.text(name, Some(label))?;
        }
        let listed: Listed = self.read(&line.words(&["-j"])).await?;
        let cluster = filter.cluster.as_ref().map(|cluster| cluster.as_str());
        let tunnels: Vec<_> = listed
            .tunnels
            .into_iter()
            .map(contract)
            .filter(|tunnel| cluster.is_none() || tunnel.cluster_id.as_deref() == cluster)
            .collect();
        if !filter.ports {
            return Ok(tunnels);
        }
        let looks: Vec<_> = tunnels.into_iter().map(|tunnel| self.look(tunnel)).collect();
        let mut found = Vec::with_capacity(looks.len());
        for look in looks {
            found.extend(joined(look).await?);
        }
        Ok(found)
    }

    /// Looks at a listed tunnel; nothing when it is gone meanwhile. A look that fails for its own
    /// reasons leaves the tunnel as listed, with its ports unknown; one that fails for want of a
    /// sign-in fails.
    fn look(&self, listed: Tunnel) -> Task<Result<Option<Tunnel>, Error>> {
        let cli = self.clone();
        task::spawn("look at tunnel", async move {
            let Some(at) = locator(&listed) else { return Ok(Some(listed)) };
            match cli.show(&at).await {
                Ok(tunnel) => Ok(Some(tunnel)),
                Err(Error::NotFound(_)) => Ok(None),
                Err(error) if error.requires_sign_in() => Err(error),
                Err(error) => {
                    tracing::debug!(tunnel = %at, %error, "a listed tunnel cannot be looked at");
                    Ok(Some(Tunnel { ports: None, ..listed }))
                }
            }
        })
    }
}

/// What a task of ours came to.
async fn joined<T>(mut task: Task<Result<T, Error>>) -> Result<T, Error> {
    let what = task.name();
    let broken = || Trouble::Failed { what, code: None, said: "it broke off".into() };
    task.join().await.unwrap_or_else(|| Err(broken().into()))
}

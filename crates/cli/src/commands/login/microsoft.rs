//! Signing in to Microsoft's service and out of it, which the official command does.

use std::io;
use std::process::Stdio;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::microsoft::{preflight, unusable};
use adit_tunnel::management::cli::{Account, Provider};
use serde_json::json;

use crate::context::Context;
use crate::screen::{harmless, print_line, remark};

/// Signs in, also when somebody is: perhaps as somebody else.
pub(super) async fn login(github: bool, device_code: bool, context: &Context) -> Outcome {
    let command = context.profile.microsoft()?;
    match preflight(&command).await.map_err(|error| unusable(&error)) {
        Ok(account) => remark(format!("signed in until now{}", named(&account))),
        Err(failure) if failure.code == Code::SignIn => {}
        Err(failure) if failure.code == Code::Devtunnel => return Err(failure),
        // Signing in may be what mends it.
        Err(failure) => remark(&failure.message),
    }
    let provider = if github { Provider::GitHub } else { Provider::Microsoft };
    // Our own result stands alone on standard output.
    let account = command.login(provider, device_code, Stdio::from(io::stderr())).await;
    let account = account.map_err(|error| Failure::service("sign in", &error))?;
    if context.json {
        let line = json!({
            "where": "microsoft",
            "signed_in": true,
            "user": account.name,
            "provider": account.provider,
        });
        return print_line(&line.to_string());
    }
    context.screen.line(format!("Signed in to Microsoft Dev Tunnels{}.", named(&account)))?;
    context.screen.line("To use it: --on microsoft, or from now on: adit use microsoft")
}

/// Signs out.
pub(crate) async fn logout(context: &Context) -> Outcome {
    let out = context.profile.microsoft()?.logout().await;
    out.map_err(|error| Failure::service("sign out", &error))?;
    if context.json {
        return print_line(&json!({ "where": "microsoft", "signed_in": false }).to_string());
    }
    context.screen.line("Signed out of Microsoft Dev Tunnels.")
}

fn named(account: &Account) -> String {
    match &account.name {
        Some(name) => format!(" as {}", harmless(name)),
        None => String::new(),
    }
}

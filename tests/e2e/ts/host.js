// The SDK's host. Besides the commands of peer.js:
//   connect {encrypted?, options?}   hosts the kept tunnel
//   refresh                          announces the tunnel's ports again, after calls that changed them
//   status                           what the host says about its connection
//   dispose                          stops hosting
'use strict';

const { TunnelRelayTunnelHost } = require('@microsoft/dev-tunnels-connections');
const { Peer, watch } = require('./peer');

let host;

new Peer({
  async connect({ encrypted = true, options }) {
    if (!host) {
      host = new TunnelRelayTunnelHost(this.management);
      host.enableE2EEncryption = encrypted;
      watch(host);
      this.endings.push(() => host?.dispose());
    }
    await host.connect(this.tunnel, options);
    return { protocol: host.connectionProtocol };
  },

  async refresh() {
    await host.refreshPorts();
  },

  status() {
    return { status: host.connectionStatus, reason: host.disconnectReason, protocol: host.connectionProtocol };
  },

  async dispose() {
    const old = host;
    host = undefined;
    await old.dispose();
  },
}).run();

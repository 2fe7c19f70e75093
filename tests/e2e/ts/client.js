// The SDK's client, which listens on local ports. Besides the commands of peer.js:
//   connect {encrypted?, options?}   connects to the kept tunnel
//   port {port}                      waits until that port is forwarded; returns its local port
//   ports                            the ports forwarded now: [{port, local}]
//   reach {port}                     opens and closes one stream, without a local listener
//   refresh, status, dispose         as the host's
// Events: port_added {port, local}, port_removed {port}.
'use strict';

const { TunnelRelayTunnelClient } = require('@microsoft/dev-tunnels-connections');
const { Peer, emit, watch } = require('./peer');

let client;
let watched;

const list = () =>
  [...(client.forwardedPorts ?? [])].map((item) => ({ port: item.remotePort, local: item.localPort }));

// Every new session has a collection of its own.
function watchPorts() {
  const ports = client.forwardedPorts;
  if (!ports || ports === watched) return;
  watched = ports;
  ports.onPortAdded(({ port }) => emit('port_added', { port: port.remotePort, local: port.localPort }));
  ports.onPortRemoved(({ port }) => emit('port_removed', { port: port.remotePort }));
  for (const item of list()) emit('port_added', item);
}

new Peer({
  async connect({ encrypted = true, options }) {
    if (!client) {
      client = new TunnelRelayTunnelClient(this.management);
      client.enableE2EEncryption = encrypted;
      watch(client);
      client.connectionStatusChanged(({ status }) => {
        if (status === 'connected') watchPorts();
      });
      this.endings.push(() => client?.dispose());
    }
    await client.connect(this.tunnel, options);
    watchPorts();
    return { protocol: client.connectionProtocol };
  },

  async port({ port }) {
    await client.waitForForwardedPort(port);
    return list().find((item) => item.port === port)?.local;
  },

  ports: list,

  async reach({ port }) {
    const stream = await client.connectToForwardedPort(port);
    stream.destroy();
  },

  async refresh() {
    await client.refreshPorts();
  },

  status() {
    return { status: client.connectionStatus, reason: client.disconnectReason, protocol: client.connectionProtocol };
  },

  async dispose() {
    const old = client;
    client = undefined;
    await old.dispose();
  },
}).run();

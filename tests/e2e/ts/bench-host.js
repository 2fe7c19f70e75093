// Hosts one port with the SDK and prints the tunnel's id once it is connected.
const { TunnelManagementHttpClient, ManagementApiVersions } = require('@microsoft/dev-tunnels-management');
const { TunnelRelayTunnelHost } = require('@microsoft/dev-tunnels-connections');

const [, , base, port] = process.argv;
const user = async () => `Bearer ${process.env.ADIT_BENCH_KEY}`;

(async () => {
  const management = new TunnelManagementHttpClient(
    { name: 'bench', version: '1.0' }, ManagementApiVersions.Version20230927preview, user, base);
  const tunnel = await management.createTunnel({
    ports: [{ portNumber: Number(port), protocol: 'http' }],
    accessControl: { entries: [{ type: 'Anonymous', subjects: [], scopes: ['connect'] }] },
  }, { tokenScopes: ['host'], includePorts: true });
  const host = new TunnelRelayTunnelHost(management);
  await host.connect(tunnel);
  console.log(tunnel.tunnelId);
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
})().catch((error) => { console.error(error); process.exit(1); });

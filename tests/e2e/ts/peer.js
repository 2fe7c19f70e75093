// What the three peers share. A peer is driven by another program: it reads one JSON command a line
// on stdin, {id, do, …}, and answers {id, result} or {id, error}; what happens meanwhile is {event, …}.
// It ends when stdin does. The SDK is used as an application would use it: nothing is replaced.
'use strict';

const readline = require('node:readline');
const {
  ManagementApiVersions,
  TunnelManagementHttpClient,
} = require('@microsoft/dev-tunnels-management');

const trace = process.env.ADIT_PEER_TRACE ? (text) => console.error(text) : () => {};

// The SDK prints some of what it does; standard output is for JSON lines alone.
console.log = trace;

function write(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

function emit(event, fields) {
  write({ event, ...fields });
}

// Errors of axios carry a response, those of the SSH library a reason.
function describe(error) {
  return {
    message: String(error?.message ?? error),
    status: error?.response?.status,
    problem: error?.response?.data,
    reason: error?.reason,
  };
}

// The commands that every peer knows.
//   open {service, authorization?, events?}   makes the management client
//   call {method, args, keep?}                calls it; "$tunnel" in args is the kept tunnel
//   tunnel {value?}                           sets (or just returns) the kept tunnel
//   end                                       disposes everything and exits
class Peer {
  constructor(commands = {}) {
    this.commands = { open: this.open, call: this.call, tunnel: this.keep, ...commands };
    this.endings = [];
  }

  open({ service, authorization, events }) {
    this.management = new TunnelManagementHttpClient(
      { name: 'adit-e2e', version: '1.0' },
      ManagementApiVersions.Version20230927preview,
      authorization ? async () => authorization : undefined,
      service,
    );
    this.management.trace = trace;
    this.management.enableEventsReporting = Boolean(events);
    this.endings.push(() => this.management.dispose());
  }

  async call({ method, args = [], keep = false }) {
    const actual = args.map((arg) => (arg === '$tunnel' ? this.tunnel : arg ?? undefined));
    const result = await this.management[method](...actual);
    if (keep) this.tunnel = result;
    return result;
  }

  keep({ value }) {
    if (value) this.tunnel = value;
    return this.tunnel;
  }

  async answer(line) {
    const { id, do: name, ...fields } = JSON.parse(line);
    try {
      if (name === 'end') return await this.end(id);
      const command = this.commands[name];
      if (!command) throw new Error(`no such command: ${name}`);
      write({ id, result: (await command.call(this, fields)) ?? null });
    } catch (error) {
      write({ id, error: describe(error) });
    }
  }

  async end(id) {
    while (this.endings.length) await this.endings.pop()();
    if (id !== undefined) write({ id, result: null });
    process.exit(0);
  }

  run() {
    process.on('unhandledRejection', (error) => emit('unhandled', describe(error)));
    const lines = readline.createInterface({ input: process.stdin });
    lines.on('line', (line) => void this.answer(line));
    lines.on('close', () => void this.end());
    emit('started', { pid: process.pid });
  }
}

// Turns what an SDK host or client raises into events.
function watch(connection) {
  connection.trace = (level, id, text, error) => trace(`${text}${error ? ` ${error.stack}` : ''}`);
  connection.connectionStatusChanged((change) => {
    emit('status', {
      from: change.previousStatus,
      to: change.status,
      reason: connection.disconnectReason,
      error: change.disconnectError && describe(change.disconnectError),
    });
  });
  connection.retryingTunnelConnection((retry) => {
    emit('retrying', { delay: retry.delayMs, error: describe(retry.error) });
  });
}

module.exports = { Peer, describe, emit, watch };

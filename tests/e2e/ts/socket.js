// A websocket client. Besides the commands of peer.js:
//   dial {url, headers?, protocol?}   connects; returns {protocol}
//   send {text}                       sends a message
//   hangup                            closes the websocket
// Events: message {text}, closed {code}.
'use strict';

const dns = require('node:dns');
const { client: WebSocketClient } = require('websocket');
const { Peer, emit } = require('./peer');

let connection;

// Names under localhost are this computer, as in browsers and curl.
function lookup(name, options, callback) {
  if (!name.endsWith('.localhost')) return dns.lookup(name, options, callback);
  const [address, family] = ['127.0.0.1', 4];
  if (options.all) return callback(null, [{ address, family }]);
  callback(null, address, family);
}

new Peer({
  dial: ({ url, headers, protocol }) =>
    new Promise((resolve, reject) => {
      const client = new WebSocketClient();
      client.on('connectFailed', reject);
      client.on('connect', (opened) => {
        connection = opened;
        opened.on('message', (message) => emit('message', { text: message.utf8Data }));
        opened.on('close', (code) => emit('closed', { code }));
        resolve({ protocol: opened.protocol });
      });
      client.connect(url, protocol ?? null, undefined, headers, { lookup });
    }),

  send({ text }) {
    connection.sendUTF(text);
  },

  hangup() {
    connection.close();
  },
}).run();

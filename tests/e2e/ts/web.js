// A local web server to be put at a URL. Besides the commands of peer.js:
//   listen {port?, page?}   listens on 127.0.0.1; returns {port}
//   next {data}      sends one more event on every open /events
// Event: request {method, url, headers}.
//   /, /visit    a page, or what listen said   /echo        the body, as it comes
//   /events      server-sent events        /status/N    an empty answer with that status
//   /cut         half of what its Content-Length promises
// A websocket on any path echoes its messages.
'use strict';

const http = require('node:http');
const { server: WebSocketServer } = require('websocket');
const { Peer, emit } = require('./peer');

let page = '<!doctype html><title>A local page</title><h1>It works</h1>';
const subscribers = new Set();

function serve(request, response) {
  emit('request', { method: request.method, url: request.url, headers: request.headers });
  const [, first, second] = new URL(request.url, 'http://local').pathname.split('/');
  switch (first) {
    case '':
    case 'visit':
      response.setHeader('Content-Type', 'text/html');
      return response.end(page);
    case 'echo':
      return request.pipe(response);
    case 'events':
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: first\n\n');
      subscribers.add(response);
      return response.on('close', () => subscribers.delete(response));
    case 'status':
      return response.writeHead(Number(second)).end();
    case 'cut':
      response.writeHead(200, { 'Content-Length': 1000 });
      return response.write('x'.repeat(500), () => response.destroy());
    default:
      return response.writeHead(404).end();
  }
}

const web = http.createServer(serve);
new WebSocketServer({ httpServer: web }).on('request', (request) => {
  const connection = request.accept(request.requestedProtocols[0] ?? null, request.origin);
  connection.on('message', (message) => {
    if (message.type === 'utf8') connection.sendUTF(message.utf8Data);
    else connection.sendBytes(message.binaryData);
  });
});

new Peer({
  listen: ({ port = 0, page: own }) =>
    new Promise((resolve, reject) => {
      page = own ?? page;
      web.once('error', reject);
      web.listen(port, '127.0.0.1', () => resolve({ port: web.address().port }));
    }),

  next({ data }) {
    for (const response of subscribers) response.write(`data: ${data}\n\n`);
    return subscribers.size;
  },
}).run();

// Management calls only: open, call, tunnel, end (peer.js).
'use strict';

const { Peer } = require('./peer');

new Peer().run();

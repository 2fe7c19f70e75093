// Management calls only. Besides the commands of peer.js:
//   record   remembers what Math.random returns from now on
//   replay   returns it again, so that the SDK generates the same tunnel id once more
'use strict';

const { Peer } = require('./peer');

const random = Math.random;

new Peer({
  record() {
    this.recorded = [];
    Math.random = () => {
      const value = random();
      this.recorded.push(value);
      return value;
    };
  },

  replay() {
    Math.random = () => this.recorded.shift() ?? random();
  },
}).run();

// One connection by an official client, and all that came over it.

import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';

// The clients are where `cargo xtask test --install` puts them.
const require = createRequire(new URL('../../../../../xtask/npm/package.json', import.meta.url));

/** How long anything is waited for, milliseconds. */
const PATIENCE = 60_000;

/** The same of an end: less than from one heartbeat to the next, so that none may be what it waits for. */
const PATIENCE_WITH_ENDS = 20_000;

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Tells the test that the scenario has come so far. */
export function mark(text) {
  process.stderr.write(`mark ${text}\n`);
}

/** The token with another end, `seconds` from now, signed with this secret. */
function signed(token, { secret, seconds }) {
  const [head, body] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  claims.exp = Math.floor(Date.now() / 1000) + seconds;
  const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export class Viewer {
  text = '';
  /** The latest output's; null before the first. */
  offset = null;
  outputs = [];
  statuses = [];
  /** What the first event was. */
  first = null;
  /** The message of a connect_error. */
  refused = null;
  /** Why the client was disconnected. */
  left = null;
  #waiting = new Set();

  /** Connects at once. `auth` is added to the token; every connection has a client of its own. */
  constructor(options, auth = {}) {
    const { io } = require(`socket.io-client-${options.client}`);
    const token = options.signed ? signed(options.token, options.signed) : options.token;
    this.keeps = options.keeps ?? false;
    this.socket = io(`${options.url}${options.namespace ?? ''}`, {
      auth: { token, ...options.auth, ...auth },
      transports: options.transports ?? ['polling', 'websocket'],
      extraHeaders: options.headers,
      reconnection: false,
      forceNew: true,
    });
    this.#listen();
  }

  #listen() {
    const on = (name, note) =>
      this.socket.on(name, (event) => {
        note(event);
        for (const look of this.#waiting) look();
      });
    on('output', (event) => this.#output(event));
    on('status', (event) => {
      this.first ??= event.state;
      this.statuses.push(event);
    });
    on('connect', () => {});
    on('connect_error', (error) => (this.refused = error.message));
    on('disconnect', (reason) => (this.left = reason));
  }

  #output(event) {
    this.first ??= 'output';
    if (this.keeps) this.outputs.push(event);
    this.text += event.data;
    this.offset = event.offset;
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** The last status in this state. */
  status(state) {
    return this.statuses.findLast((status) => status.state === state);
  }

  errors() {
    return this.statuses.filter((status) => status.state === 'error').map((status) => status.reason);
  }

  get is_over() {
    return this.refused !== null || this.left !== null;
  }

  /** Resolves as soon as `is` holds; it is asked after every event. Behind the end nothing is waited for. */
  until(what, is, patience = PATIENCE) {
    return new Promise((done, failed) => {
      const fail = () => failed(new Error(`${what}: never came; ${this.summary()}`));
      const look = () => {
        if (!is() && !this.is_over) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        if (is()) done();
        else fail();
      };
      const timer = setTimeout(fail, patience);
      this.#waiting.add(look);
      look();
    });
  }

  summary() {
    const { first, statuses, refused, left, offset } = this;
    const text = this.text.length > 400 ? `…${this.text.slice(-400)}` : this.text;
    return JSON.stringify({ first, statuses, refused, left, offset, length: this.text.length, text });
  }

  connected() {
    return this.until('a connection', () => this.socket.connected);
  }

  opened() {
    return this.until('opened', () => this.status('opened') !== undefined);
  }

  shows(text) {
    return this.until(JSON.stringify(text), () => this.text.includes(text));
  }

  /** Waits for so much text, in UTF-16 units. */
  holds(length) {
    return this.until(`${length} of text`, () => this.text.length >= length);
  }

  /** Waits until it is over: refused, or disconnected. */
  over() {
    return this.until('the end', () => this.is_over, PATIENCE_WITH_ENDS);
  }

  emit(event, ...values) {
    this.socket.emit(event, ...values);
  }

  input(data) {
    this.emit('input', { data });
  }

  /** Sends an event and waits for its acknowledgement; gives the values of that, or null where the end came first. */
  async call(event, value = null) {
    let answer = null;
    this.emit(event, value, (...values) => (answer = values));
    const started = Date.now();
    while (answer === null && this.left === null) {
      if (Date.now() - started > PATIENCE) throw new Error(`${event} is not acknowledged; ${this.summary()}`);
      await sleep(1);
    }
    return answer;
  }

  /** The reason of the error that an event is answered with; null where it is taken. */
  async refusal(event, ...values) {
    const before = this.errors().length;
    this.emit(event, ...values);
    // Events are answered in their order: behind the acknowledgement of the next no error comes any more.
    await this.call('unknown');
    return this.errors()[before] ?? null;
  }

  /** Breaks the connection as the network does. */
  cut() {
    const { transport } = this.socket.io.engine;
    if (transport.name === 'websocket') transport.ws.terminate();
    else this.socket.io.engine.close();
  }

  /** All that was seen. */
  seen() {
    const { first, text, offset, outputs, statuses, refused, left, transport } = this;
    return { first, text, offset, outputs, statuses, refused, left, transport };
  }
}

// Scenarios of what flows: nothing is lost, nothing is reordered, nobody is drowned.

import { Viewer, mark, sleep } from './viewer.mjs';

/** Lines of eight bytes, as `seq` writes them. */
const numbered = (first, count) =>
  Array.from({ length: count }, (_, index) => `${first + index}\n`).join('');

/** Asks the child, which runs `seq` for every line it reads, for so many lines. */
function ask(viewer, first, count) {
  viewer.input(`${first} ${first + count - 1}\n`);
}

/** Where two texts part; null where they don't. */
function parting(text, expected) {
  if (text === expected) return null;
  let at = 0;
  while (text[at] === expected[at]) at += 1;
  return { at, came: text.slice(at, at + 40), wanted: expected.slice(at, at + 40) };
}

/** Bursts of small inputs to a child that sends back all it reads. */
export async function order(options) {
  const { bursts, size } = options;
  const viewer = new Viewer(options);
  await viewer.shows('ready|');
  for (let burst = 0; burst < bursts; burst += 1) {
    for (let index = 0; index < size; index += 1) viewer.input(`${burst * size + index}\n`);
    await sleep(0);
  }
  const expected = `ready|${Array.from({ length: bursts * size }, (_, n) => `${n}\n`).join('')}`;
  await viewer.holds(expected.length);
  return { parting: parting(viewer.text, expected), transport: viewer.transport, errors: viewer.errors() };
}

/** Fresh connections that type from the first moment on, while the client changes from polling to WebSocket. */
export async function fresh(options) {
  const { connections, at_once, size } = options;
  const seen = [];
  for (let begun = 0; begun < connections; begun += at_once) {
    const batch = Array.from({ length: at_once }, () => typed(options, size));
    seen.push(...(await Promise.all(batch)));
  }
  const upgraded = seen.filter(({ transport }) => transport === 'websocket').length;
  return { partings: seen.map(({ parted }) => parted).filter(Boolean), count: seen.length, upgraded };
}

async function typed(options, size) {
  const viewer = new Viewer(options);
  let [next, expected] = [0, ''];
  const burst = () => {
    for (let index = 0; index < size; index += 1, next += 1) {
      expected += `${next}\n`;
      viewer.input(`${next}\n`);
    }
  };
  burst();
  await viewer.connected();
  for (let round = 0; round < 20; round += 1) {
    burst();
    await sleep(round % 3);
  }
  // What is typed before the child has made its terminal raw is echoed, and none of that counts.
  const own = () => viewer.text.split('ready|')[1] ?? '';
  await viewer.until('the echo', () => own().length >= expected.length);
  const { transport } = viewer;
  viewer.socket.disconnect();
  return { parted: parting(own(), expected), transport };
}

/** Fresh connections to a child that writes at once and is gone. */
export async function firsts(options) {
  const { connections, at_once } = options;
  const seen = [];
  for (let begun = 0; begun < connections; begun += at_once) {
    const batch = Array.from({ length: at_once }, async () => {
      const viewer = new Viewer(options);
      await viewer.over();
      return { ...viewer.seen(), states: viewer.statuses.map(({ state }) => state).join(' ') };
    });
    seen.push(...(await Promise.all(batch)));
  }
  return seen.map(({ first, text, states, left }) => ({ first, text, states, left }));
}

/** A flood to a client that is busy with something else. */
export async function blocked(options) {
  const { warm, lines, busy_ms } = options;
  const viewer = new Viewer(options);
  await viewer.shows('ready|');
  ask(viewer, 1_000_000, warm);
  const expected = `ready|${numbered(1_000_000, warm)}${numbered(2_000_000, lines)}`;
  await viewer.holds('ready|'.length + warm * 8);
  mark('warm');
  ask(viewer, 2_000_000, lines);
  await viewer.holds('ready|'.length + warm * 8 + 1);
  const started = Date.now();
  while (Date.now() - started < busy_ms);
  mark(`busy with ${viewer.text.length} of ${expected.length}`);
  await viewer.holds(expected.length);
  mark('done');
  const { offset, transport } = viewer;
  return { parting: parting(viewer.text, expected), length: expected.length, offset, transport };
}

/** Reads a WebSocket so slowly, bytes a second. */
function slow(viewer, rate) {
  const { ws } = viewer.socket.io.engine.transport;
  const stream = ws._socket;
  const [started, before] = [Date.now(), stream.bytesRead];
  const allowed = () => before + ((Date.now() - started) * rate) / 1000;
  stream.on('data', () => {
    if (stream.bytesRead > allowed()) ws.pause();
  });
  return setInterval(() => {
    if (ws.isPaused && stream.bytesRead <= allowed()) ws.resume();
  }, 5);
}

/** Ctrl-C in a flood to a slow reader: how much comes before the prompt. */
export async function interrupt(options) {
  const { rate, first } = options;
  const viewer = new Viewer({ ...options, transports: ['websocket'] });
  await viewer.opened();
  viewer.input("PS1='the pro''mpt> '\n");
  await viewer.shows('the prompt> ');
  const begun = viewer.text.length;
  const timer = slow(viewer, rate);
  viewer.input('yes 0123456789\n');
  await viewer.holds(begun + first);
  const before = viewer.text.length;
  viewer.input('\x03');
  await viewer.until('the prompt', () => viewer.text.slice(-100).includes('the prompt> '));
  clearInterval(timer);
  return { before, after: viewer.text.length - before, end: viewer.text.slice(-30) };
}

/** Acknowledges, stops to do so, claims too much, and goes on. */
export async function acks(options) {
  const { lines } = options;
  const viewer = new Viewer(options);
  await viewer.shows('ready|');
  viewer.emit('ack', { offset: viewer.offset });
  const begun = viewer.offset;
  ask(viewer, 1_000_000, lines);
  const held = await standstill(viewer) - begun;
  const ahead = await viewer.refusal('ack', { offset: viewer.offset + 1 });
  viewer.emit('ack', { offset: begun });
  const still = await standstill(viewer) - begun;
  viewer.emit('ack', { offset: viewer.offset });
  viewer.socket.on('output', ({ offset }) => viewer.emit('ack', { offset }));
  const expected = `ready|${numbered(1_000_000, lines)}`;
  await viewer.holds(expected.length);
  return { held, ahead, still, parting: parting(viewer.text, expected), errors: viewer.errors() };
}

/** The offset at which no more comes for a second. */
async function standstill(viewer) {
  let before = null;
  while (before !== viewer.offset) {
    before = viewer.offset;
    await sleep(1000);
  }
  return before;
}

/** Input to a child that reads none: how much of it is taken. */
export async function overflow(options) {
  const { piece, fine, most } = options;
  const viewer = new Viewer(options);
  await viewer.shows('ready|');
  const data = 'x'.repeat(piece);
  let [sent, at_fine] = [0, null];
  while (sent < most && viewer.left === null) {
    if (sent >= fine) at_fine ??= viewer.errors();
    await viewer.call('input', { data });
    sent += piece;
  }
  await viewer.over();
  return { sent, at_fine, ...viewer.seen() };
}

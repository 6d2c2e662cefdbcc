// Scenarios of whole sessions: from the first event to the last, and from one connection to the next.

import { Viewer, mark, sleep } from './viewer.mjs';

/** A shell is used and left. */
export async function session(options) {
  const viewer = new Viewer(options);
  await viewer.opened();
  viewer.input("printf 'ec''hoed %s\\n' once\n");
  await viewer.shows('echoed once');
  for (let rows = 30; rows < 45; rows += 1) {
    // Before its prompt, readline reads the size and sets it again: one that is set between the two is lost.
    await viewer.until('a prompt', () => /[#$] $/.test(viewer.text));
    viewer.emit('resize', { cols: 100, rows });
    viewer.input('stty size\n');
    await viewer.shows(`${rows} 100`);
  }
  viewer.input('exit 7\n');
  await viewer.over();
  return viewer.seen();
}

/** Connects, emits `events` once there is a connection, and watches to the end. */
export async function watch(options) {
  const viewer = new Viewer({ ...options, keeps: true });
  await viewer.until('an answer', () => viewer.socket.connected || viewer.refused !== null);
  for (const [event, value] of options.events ?? []) viewer.emit(event, value);
  viewer.opened().then(() => mark(`opened ${viewer.status('opened').id}`), () => {});
  if (options.shows) {
    await viewer.shows(options.shows);
    mark('shown');
  }
  await viewer.over();
  // What came behind the end would be a fault.
  await sleep(200);
  return viewer.seen();
}

/** Leaves a terminal that shows `shows`. */
export async function leave(options) {
  const viewer = new Viewer(options);
  await viewer.shows(options.shows);
  const { id } = viewer.status('opened');
  if (options.cuts) viewer.cut();
  else viewer.socket.disconnect();
  await viewer.over();
  // Over polling the goodbye is still under way.
  await sleep(300);
  return { id, ...viewer.seen() };
}

/** Takes up a terminal, or is refused, and leaves. `id` is attached to by auth, or where `late` by an event. */
export async function attach(options) {
  const { id, from, late } = options;
  const viewer = new Viewer(options, late ? { start: false } : { terminal: id, from });
  await viewer.connected();
  if (late) viewer.emit('attach', { id, from });
  await viewer.until('a status', () => viewer.statuses.length > 0);
  if (options.shows) await viewer.shows(options.shows);
  const seen = viewer.seen();
  viewer.socket.disconnect();
  await sleep(300);
  return seen;
}

/** Numbered lines are cut in their midst, again and again, and taken up each time where they were. */
export async function resume(options) {
  const { lines, cuts } = options;
  const numbers = Array.from({ length: lines }, (_, index) => 1_000_000 + index);
  const expected = `ready|${numbers.join('\n')}\n`;
  let viewer = new Viewer(options);
  await viewer.shows('ready|');
  const { id } = viewer.status('opened');
  viewer.input(`1000000 ${999_999 + lines}\n`);
  let [text, seams] = ['', []];
  for (let cut = 1; cut <= cuts; cut += 1) {
    const enough = Math.floor((cut * expected.length) / (cuts + 1)) - text.length;
    await viewer.holds(enough);
    if (cut % 2 === 0) viewer.cut();
    else viewer.socket.disconnect();
    await viewer.over();
    text += viewer.text;
    seams.push(viewer.offset);
    viewer = new Viewer(options, { terminal: id, from: viewer.offset });
  }
  await viewer.holds(expected.length - text.length);
  text += viewer.text;
  return { is_whole: text === expected, length: text.length, expected: expected.length, seams, offset: viewer.offset };
}

/** A second connection takes the terminal from the first. */
export async function takeover(options) {
  const first = new Viewer(options);
  await first.shows('ready|');
  const { id } = first.status('opened');
  const second = new Viewer(options, { start: false });
  await second.connected();
  second.emit('attach', { id, from: 0 });
  await first.over();
  await second.opened();
  first.input('lost');
  second.input('kept');
  await second.shows('kept');
  return { id, first: first.seen(), second: second.seen() };
}

/** Opens two terminals where one is allowed, and the second again once there is room. */
export async function crowd(options) {
  const first = new Viewer(options);
  await first.shows('ready|');
  const second = new Viewer(options, { start: false });
  await second.connected();
  const refusal = await second.refusal('start', { command: options.command });
  const third = new Viewer(options);
  await third.until('an error', () => third.errors().length > 0);
  first.input('exit\n');
  await first.over();
  second.emit('start', { command: options.command });
  await second.opened();
  return { refusal, at_once: third.errors(), second: second.seen() };
}

/** So many connections, each left at another moment of its life. */
export async function storm(options) {
  const { connections, at_once } = options;
  const ways = [
    (viewer) => viewer.opened().then(() => viewer.socket.disconnect()),
    (viewer) => viewer.connected().then(() => viewer.cut()),
    (viewer) => viewer.shows('ready|').then(() => viewer.cut()),
    (viewer, index) => sleep(index % 7).then(() => viewer.socket.disconnect()),
    (viewer) => viewer.over(),
  ];
  const transports = [['websocket'], ['polling'], ['polling', 'websocket']];
  const ends = { opened: 0, refused: 0 };
  for (let begun = 0; begun < connections; begun += at_once) {
    const batch = Array.from({ length: at_once }, async (_, offset) => {
      const index = begun + offset;
      const way = index % ways.length;
      const token = way === 4 ? 'none' : options.token;
      const viewer = new Viewer({ ...options, token, transports: transports[index % transports.length] });
      await ways[way](viewer, index);
      if (viewer.status('opened')) ends.opened += 1;
      if (viewer.refused) ends.refused += 1;
    });
    await Promise.all(batch);
  }
  // Goodbyes over polling are still under way.
  await sleep(500);
  return ends;
}

// Scenarios of what may not be: refusals, and that everything goes on afterwards.

import { Viewer, sleep } from './viewer.mjs';

/** Payloads that are none, by the event that they are sent as. */
const MALFORMED = {
  input: [
    [],
    [{}],
    [null],
    [1],
    ['text'],
    [['text']],
    [{ data: null }],
    [{ data: 1 }],
    [{ data: ['x'] }],
    [{ data: { data: 'x' } }],
    [Buffer.from('x')],
    [{ data: Buffer.from('x') }],
    [{ data: new Uint8Array([120]) }],
  ],
  resize: [
    [],
    [null],
    [{}],
    [{ cols: 80 }],
    [{ rows: 24 }],
    [[80, 24]],
    ...[0, -1, 1001, 65_536, 65_616, 1e9, 4_294_967_376, 80.5, NaN, Infinity, '80', null, true, [80]].flatMap((size) => [
      [{ cols: size, rows: 24 }],
      [{ cols: 80, rows: size }],
    ]),
  ],
  start: [
    [],
    [null],
    ['bash'],
    [{}],
    [{ command: 1 }],
    [{ command: 'none' }],
    [['none']],
    [{ command: '/bin/sh' }],
    [{ command: 'bash', cols: 0 }],
    [{ command: 'bash', rows: 1001 }],
    [{ command: 'bash', cols: '80' }],
    [{ command: 'bash', cwd: 1 }],
    [{ command: 'bash', cwd: '/' }],
    [{ command: 'bash', cwd: '../..' }],
    [{ command: 'bash', cwd: 'a\0b' }],
    [{ command: Buffer.from('bash') }],
  ],
  attach: [
    [],
    [null],
    [{}],
    [{ id: 1 }],
    [{ id: null, from: 0 }],
    [{ id: '00000000-0000-0000-0000-000000000000', from: -1 }],
    [{ id: '00000000-0000-0000-0000-000000000000', from: '0' }],
    [{ id: '00000000-0000-0000-0000-000000000000', from: 0.5 }],
    [{ id: Buffer.from('x'), from: 0 }],
    [['00000000-0000-0000-0000-000000000000', 0]],
  ],
  ack: [[], [null], [{}], [[0]], ...[-1, 0.5, '1', null, 1e15].map((offset) => [{ offset }])],
};

/** All of them, each where its kind is in place: with a terminal there, or without. The terminal goes on. */
export async function malformed(options) {
  const seen = [];
  const viewer = new Viewer(options, { start: false });
  await viewer.connected();
  const send = async (event) => {
    for (const values of MALFORMED[event]) {
      const refusal = await viewer.refusal(event, ...values);
      seen.push({ event, values: JSON.stringify(values), refusal });
    }
  };
  await send('start');
  await send('attach');
  const early = [await viewer.refusal('input', { data: 'x' }), await viewer.refusal('resize', { cols: 80, rows: 24 })];
  viewer.emit('start', { command: options.command, cols: 100, rows: 30 });
  await viewer.shows('ready|');
  await send('input');
  await send('resize');
  await send('ack');
  viewer.input('still here');
  await viewer.shows('still here');
  return { seen, early, messages: viewer.statuses.map(({ message }) => message ?? null), ...viewer.seen() };
}

/** What is no fault, or none of the payload: unknown events, acknowledgements, a second terminal. */
export async function odd(options) {
  const viewer = new Viewer(options);
  await viewer.shows('ready|');
  const { id } = viewer.status('opened');
  viewer.emit('unknown', { data: 'x' });
  viewer.emit('output', { data: 'x' });
  viewer.emit('status', { state: 'closed' }, Buffer.from('x'));
  viewer.emit('', 1);
  const refusals = [
    await viewer.refusal('start', { command: options.command }),
    await viewer.refusal('attach', { id, from: 0 }),
  ];
  const before = viewer.errors().length;
  const answers = [
    await viewer.call('input', { data: 'typed' }),
    await viewer.call('resize', { cols: 90, rows: 20 }),
    await viewer.call('input', {}),
  ];
  viewer.input('');
  viewer.input('\u{1f600} and on');
  await viewer.shows('\u{1f600} and on');
  return { refusals, answers, late: viewer.errors().slice(before), ...viewer.seen() };
}

/** Half of a character, as a clumsy paste has it: JSON can say that, UTF-8 can't. */
export async function half(options) {
  const viewer = new Viewer(options);
  await viewer.shows('ready|');
  const refusal = await viewer.refusal('input', { data: '\ud83d' });
  viewer.input('and on');
  await viewer.shows('and on');
  return { refusal, ...viewer.seen() };
}

/** Connects each way of `ways`, which are options and what the client is told. */
export async function refused(options) {
  const seen = [];
  for (const way of options.ways) {
    const viewer = new Viewer({ ...options, ...way });
    await viewer.over();
    // Whatever came late would come now.
    await sleep(50);
    const { first, refused: message, statuses } = viewer;
    seen.push({ first, message, statuses });
  }
  return seen;
}

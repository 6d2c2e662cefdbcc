// The official SDK decodes a body that a fetch of our own gives it, chunk by chunk; and readline with JSON.parse cuts
// and reads lines. One task per line on stdin, one answer per line on stdout; times are of the process's CPU clock.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

import Anthropic from '@anthropic-ai/sdk';

const BLOCK = 16 * 1024;
const REQUEST = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Say hello.' }],
};

let chunks = [];

/** The body that the SDK reads: as it comes from a network, chunks that are ready at once. */
function body() {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next < chunks.length) controller.enqueue(chunks[next++]);
      else controller.close();
    },
  });
}

const client = new Anthropic({
  apiKey: 'none',
  fetch: async () => new Response(body(), { headers: { 'content-type': 'text/event-stream' } }),
});

function cut(bytes, how) {
  const pieces = [];
  let start = 0;
  while (start < bytes.length) {
    const end = how === 'events' ? bytes.indexOf('\n\n', start) + 2 : start + BLOCK;
    pieces.push(new Uint8Array(bytes.subarray(start, end)));
    start = end;
  }
  return pieces;
}

async function decode() {
  let [events, text] = [0, 0];
  for await (const event of await client.messages.create({ ...REQUEST, stream: true })) {
    events += 1;
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text.length;
  }
  return { events, text };
}

async function finalMessage() {
  const message = await client.messages.stream(REQUEST).finalMessage();
  return { events: 1, text: message.content[0].text.length };
}

function textOf(line) {
  if (line.type === 'stream_event') return line.event.delta?.text?.length ?? 0;
  let text = 0;
  for (const block of line.message?.content ?? []) text += block.text?.length ?? 0;
  return text;
}

function lines() {
  return new Promise((resolve) => {
    let [events, text] = [0, 0];
    const reader = createInterface({ input: Readable.from(chunks, { objectMode: false }), crlfDelay: Infinity });
    reader.on('line', (line) => {
      events += 1;
      text += textOf(JSON.parse(line));
    });
    reader.on('close', () => resolve({ events, text }));
  });
}

const WORK = { decode, 'final-message': finalMessage, lines };

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function answer({ work, cut: how, file, seconds }) {
  const bytes = readFileSync(file);
  chunks = cut(bytes, how);
  const started = cpuSeconds();
  let [repeats, cpu, found] = [0, 0, null];
  do {
    found = await WORK[work]();
    repeats += 1;
    cpu = cpuSeconds() - started;
  } while (cpu < seconds);
  return { bytes: repeats * bytes.length, cpu, found };
}

for await (const line of createInterface({ input: process.stdin })) {
  let result;
  try {
    result = await answer(JSON.parse(line));
  } catch (error) {
    result = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

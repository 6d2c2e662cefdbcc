// A Claude Code server as a careful Node programmer writes it without a framework: bytes stay bytes, lines are whole
// over the borders of chunks, a slow reader pauses the child, a reader who leaves ends the child's process group.
//
// Environment: CLAUDE_CODE_PATH, HOST, PORT (0: any). Says `listening on PORT` once it does.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const CLAUDE = process.env.CLAUDE_CODE_PATH ?? 'claude';
const BODY_MAX = 16 * 1024 * 1024;
const PATIENCE_MS = 2000;

const LINE_FEED = 10;
const BEFORE = Buffer.from('data: ');
const BEHIND = Buffer.from('\n\n');

/** Frames whole lines; what stands behind the last line feed waits for its rest. */
class Framer {
  #rest = [];

  /** All frames that the chunk completes, as one buffer; null if none is complete. */
  push(chunk) {
    const last = chunk.lastIndexOf(LINE_FEED);
    if (last < 0) {
      this.#rest.push(chunk);
      return null;
    }
    const parts = [];
    let from = 0;
    while (from <= last) {
      const end = chunk.indexOf(LINE_FEED, from);
      parts.push(BEFORE, ...this.#rest, chunk.subarray(from, end), BEHIND);
      this.#rest = [];
      from = end + 1;
    }
    if (from < chunk.length) this.#rest.push(chunk.subarray(from));
    return Buffer.concat(parts);
  }

  /** The frame of a last line without a line feed; null if there is none. */
  end() {
    return this.#rest.length ? Buffer.concat([BEFORE, ...this.#rest, BEHIND]) : null;
  }
}

function argumentsFor(request) {
  const args = ['-p', '--verbose'];
  if (request.session_id) args.push('--resume', request.session_id);
  if (request['dangerously-skip-permissions']) args.push('--dangerously-skip-permissions');
  if (request.allowedTools?.length) args.push('--allowedTools', request.allowedTools.join(','));
  if (request.disallowedTools?.length) args.push('--disallowedTools', request.disallowedTools.join(','));
  args.push('--output-format', 'stream-json');
  return args;
}

/** Ends the whole group: a request first, then by force. */
function endGroup(child) {
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // Nobody of the group is left.
    }
  };
  signal('SIGTERM');
  setTimeout(() => signal('SIGKILL'), PATIENCE_MS);
}

function run(request, response) {
  response.socket.setNoDelay(true);
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  const child = spawn(CLAUDE, argumentsFor(request), { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  child.stdin.on('error', () => {});
  child.stdin.end(request.prompt);
  const framer = new Framer();
  let ended = false;
  child.stdout.on('data', (chunk) => {
    const frames = framer.push(chunk);
    if (frames && !response.write(frames)) child.stdout.pause();
  });
  response.on('drain', () => child.stdout.resume());
  response.on('close', () => {
    child.stdout.resume();
    if (!ended && child.pid) endGroup(child);
  });
  child.on('error', (error) => {
    ended = true;
    response.end(`event: error\ndata: ${JSON.stringify({ error: error.message })}\n\n`);
  });
  child.on('close', () => {
    ended = true;
    response.end(framer.end());
  });
}

function refuse(response, status) {
  response.writeHead(status, { Connection: 'close' }).end();
}

function parsed(chunks) {
  try {
    const request = JSON.parse(Buffer.concat(chunks).toString());
    return typeof request?.prompt === 'string' ? request : null;
  } catch {
    return null;
  }
}

const server = createServer((incoming, response) => {
  if (incoming.method !== 'POST' || incoming.url !== '/api/claude') return refuse(response, 404);
  const chunks = [];
  let size = 0;
  incoming.on('data', (chunk) => {
    size += chunk.length;
    if (size > BODY_MAX) incoming.destroy();
    chunks.push(chunk);
  });
  incoming.on('end', () => {
    const request = parsed(chunks);
    if (request) run(request, response);
    else refuse(response, 400);
  });
});

server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});

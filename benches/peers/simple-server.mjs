// A Claude Code server as one writes it first: one spawn per request, what stdout brings is split at line feeds and
// relayed. Weaknesses included: it is what people would replace.
//
// - A line that comes in two chunks is two broken pieces; neither is JSON, so neither is relayed.
// - It never waits for a reader that is slow, and never ends a child whose reader is gone.
//
// Kinder to it than most such servers are: no framework, stdin is closed (the CLI would wait for it), and its sessions
// are a map in memory, since Node 20 has no SQLite and a native package would be a download.
//
// Environment: CLAUDE_CODE_PATH, HOST, PORT (0: any). Says `listening on PORT` once it does.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const CLAUDE = process.env.CLAUDE_CODE_PATH ?? 'claude';
const sessions = new Map();

function argumentsFor(request) {
  const args = ['-p', '--verbose'];
  if (request.session_id) args.push('--resume', request.session_id);
  if (request['dangerously-skip-permissions']) args.push('--dangerously-skip-permissions');
  if (request.allowedTools?.length) args.push('--allowedTools', request.allowedTools.join(','));
  if (request.disallowedTools?.length) args.push('--disallowedTools', request.disallowedTools.join(','));
  args.push('--output-format', 'stream-json', request.prompt);
  return args;
}

function remember(message) {
  if (message.session_id) sessions.set(message.session_id, new Date().toISOString());
}

function relay(chunk, response) {
  for (const line of chunk.toString().split('\n')) {
    if (!line.trim()) continue;
    try {
      remember(JSON.parse(line));
      response.write(`data: ${line}\n\n`);
    } catch {
      // Half a line.
    }
  }
}

function run(request, response) {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    Connection: 'keep-alive',
  });
  const child = spawn(CLAUDE, argumentsFor(request), { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk) => relay(chunk, response));
  child.stderr.on('data', (chunk) => console.error(chunk.toString()));
  child.on('error', (error) => {
    response.write(`event: error\ndata: ${JSON.stringify({ error: error.message })}\n\n`);
    response.end();
  });
  child.on('close', () => response.end());
}

const server = createServer((incoming, response) => {
  if (incoming.method !== 'POST' || incoming.url !== '/api/claude') {
    response.writeHead(404).end();
    return;
  }
  let body = '';
  incoming.on('data', (chunk) => (body += chunk));
  incoming.on('end', () => {
    try {
      run(JSON.parse(body), response);
    } catch {
      response.writeHead(400).end();
    }
  });
});

server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});

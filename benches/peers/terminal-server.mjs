// Terminals as one writes them with node-pty and ws, and as most examples do: a pseudo-terminal for each WebSocket,
// its bytes one way, keys the other. Bytes stay bytes (`encoding: null`), nothing is compressed.
//
// There is no flow control: neither library has any by itself, and a server that has it needs a protocol for it. What
// a reader doesn't take waits in this process.
//
// Messages: binary is input, text is `{"cols":80,"rows":24}`. The query's `args` is a JSON array for bash.
//
// Environment: HOST, PORT (0: any). Says `listening on PORT` once it does.

import pty from 'node-pty';
import { WebSocketServer } from 'ws';

function argumentsFor(request) {
  const { searchParams } = new URL(request.url, 'http://localhost');
  return JSON.parse(searchParams.get('args') ?? '[]');
}

function serve(socket, request) {
  const terminal = pty.spawn('bash', argumentsFor(request), {
    name: 'xterm-256color',
    cols: 80,
    rows: 24,
    cwd: process.env.HOME,
    env: process.env,
    encoding: null,
  });
  terminal.onData((data) => socket.send(data));
  terminal.onExit(() => socket.close());
  socket.on('message', (message, isBinary) => {
    if (isBinary) {
      terminal.write(message);
    } else {
      const { cols, rows } = JSON.parse(message.toString());
      terminal.resize(cols, rows);
    }
  });
  socket.on('close', () => terminal.kill());
}

const server = new WebSocketServer({
  host: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.PORT ?? 0),
  perMessageDeflate: false,
});
server.on('connection', (socket, request) => {
  try {
    serve(socket, request);
  } catch (error) {
    socket.close(1011, String(error));
  }
});
server.on('listening', () => console.log(`listening on ${server.address().port}`));

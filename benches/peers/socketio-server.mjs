// Terminals as one writes them with node-pty and socket.io, and as most examples do: a bash for each socket, its text
// one way, keys the other. Both libraries have their default settings, so output is UTF-8 text.
//
// There is no flow control, as in terminal-server.mjs: what a reader doesn't take waits in this process.
//
// Events: in `input {data}` and `resize {cols, rows}`; out `output {data}` and `status {state, …}`.
//
// Environment: HOST, PORT (0: any), TOKEN, which a client shows as `auth.token`. Says `listening on PORT` once it does.

import { createServer } from 'node:http';
import pty from 'node-pty';
import { Server } from 'socket.io';

function serve(socket) {
  const terminal = pty.spawn('bash', [], {
    name: 'xterm-256color',
    cols: 80,
    rows: 24,
    cwd: process.env.HOME,
    env: process.env,
  });
  socket.emit('status', { state: 'opened', id: socket.id });
  terminal.onData((data) => socket.emit('output', { data }));
  terminal.onExit(({ exitCode }) => {
    socket.emit('status', { state: 'closed', code: exitCode });
    socket.disconnect();
  });
  socket.on('input', ({ data }) => terminal.write(data));
  socket.on('resize', ({ cols, rows }) => terminal.resize(cols, rows));
  socket.on('disconnect', () => terminal.kill());
}

const server = createServer();
const io = new Server(server);
io.use((socket, next) => {
  const authorized = socket.handshake.auth.token === process.env.TOKEN;
  next(authorized ? undefined : new Error('unauthorized'));
});
io.on('connection', (socket) => {
  try {
    serve(socket);
  } catch (error) {
    socket.emit('status', { state: 'error', reason: String(error) });
    socket.disconnect();
  }
});
server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});

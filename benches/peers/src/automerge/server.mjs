// automerge-repo's WebSocket server with its file storage: `server.mjs FOLDER`. Counts messages both ways.

import http from "node:http";
import { Repo } from "@automerge/automerge-repo";
import { NodeWSServerAdapter } from "@automerge/automerge-repo-network-websocket";
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs";
import { WebSocketServer } from "ws";

const [folder] = process.argv.slice(2);
const server = http.createServer();
const sockets = new WebSocketServer({ server });
let messages = 0;
sockets.on("connection", (socket) => {
  socket.on("message", () => (messages += 1));
  const { send } = socket;
  socket.send = (...args) => {
    messages += 1;
    return send.apply(socket, args);
  };
});
new Repo({
  network: [new NodeWSServerAdapter(sockets)],
  storage: new NodeFSStorageAdapter(folder),
  // It tells nobody of documents that they do not ask for.
  sharePolicy: async () => false,
});
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("message", () => {
  process.send({ requests: messages });
  messages = 0;
});

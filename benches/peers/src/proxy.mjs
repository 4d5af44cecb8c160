// A TCP port that leads to a server and counts every byte both ways: what all are measured with alike.

import net from "node:net";

/** How long no byte must pass until an exchange counts as over. */
const QUIET_MS = 4_000;

export class Proxy {
  #counts = { up: 0, down: 0, connections: 0 };
  #last = 0;

  constructor(port) {
    this.server = net.createServer((client) => {
      this.#counts.connections += 1;
      const server = net.connect(port, "127.0.0.1");
      this.#carry(client, server, "up");
      this.#carry(server, client, "down");
    });
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    return this.server.address().port;
  }

  #carry(from, to, way) {
    from.setNoDelay(true);
    from.on("data", (bytes) => {
      this.#counts[way] += bytes.length;
      this.#last = performance.now();
      to.write(bytes);
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
  }

  /** Starts counting anew. */
  reset() {
    this.#counts = { up: 0, down: 0, connections: 0 };
    this.#last = performance.now();
  }

  /** What passed since; waits until nothing does any more. */
  async settled() {
    while (performance.now() - this.#last < QUIET_MS) await new Promise((done) => setTimeout(done, 100));
    const { up, down, connections } = this.#counts;
    return { bytes: up + down, up, down, connections };
  }

  close() {
    this.server.close();
  }
}

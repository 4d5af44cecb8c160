// Measures the peers on the reference data: `node run.mjs [PEER…]`. Prints lines of JSON, one a figure.

import { fork } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Proxy } from "./src/proxy.mjs";
import { disk } from "./src/machine.mjs";
import { CONTACTS, CONTACTS_OF_OUTING, OUTINGS, describe } from "./src/reference.mjs";

const here = import.meta.dirname;

const PEERS = {
  pouchdb: { packages: ["pouchdb", "express-pouchdb", "leveldown"], counted: "requests" },
  automerge: {
    packages: [
      "@automerge/automerge",
      "@automerge/automerge-repo",
      "@automerge/automerge-repo-network-websocket",
      "@automerge/automerge-repo-storage-nodefs",
    ],
    counted: "messages",
  },
};

/** The next message of a child with this field. */
function message(child, field) {
  return new Promise((done, fail) => {
    const end = (code) => fail(new Error(`${child.spawnargs.slice(2)} ended with ${code} before it told its ${field}`));
    const take = (value) => {
      if (!(field in value)) return;
      child.off("message", take).off("exit", end);
      done(value[field]);
    };
    child.on("message", take).once("exit", end);
  });
}

/** A server behind the proxy. */
class Line {
  static async open(peer, folder) {
    const line = new Line();
    fs.mkdirSync(folder, { recursive: true });
    line.server = fork(path.join(here, "src", peer, "server.mjs"), [folder]);
    line.proxy = new Proxy(await message(line.server, "port"));
    line.port = await line.proxy.listen();
    return line;
  }

  async requests() {
    this.server.send("count");
    return message(this.server, "requests");
  }

  close() {
    this.proxy.close();
    this.server.kill();
  }
}

/** Runs one task of a device; with a line, says what passed over it. */
async function run(peer, task, folder, { line, index, outings = OUTINGS } = {}) {
  fs.mkdirSync(folder, { recursive: true });
  await line?.requests();
  line?.proxy.reset();
  const args = [peer, task, folder, String(line?.port ?? ""), String(outings), index ?? ""];
  const child = fork(path.join(here, "src/task.mjs"), args, { env: { ...process.env, DEBUG: "" } });
  const result = message(child, "result");
  let passed = {};
  if (task === "sync") {
    await message(child, "synced");
    passed = await line.proxy.settled();
    passed.requests = await line.requests();
    child.send("go on");
  }
  const found = { ...(await result), ...passed };
  await new Promise((done) => (child.exitCode === null ? child.once("exit", done) : done()));
  return found;
}

function print(peer, row, figures) {
  console.log(JSON.stringify({ peer, row, ...figures }));
}

async function measure(peer, folder) {
  const { counted } = PEERS[peer];
  const line = await Line.open(peer, path.join(folder, "server"));
  const at = (name) => path.join(folder, name);
  const { index } = await run(peer, "load", at("a"));
  await run(peer, "sync", at("a"), { line, index });

  const idleProcess = await run(peer, "idle", at("empty"));
  const first = await run(peer, "sync", at("b"), { line, index });
  if (first.contacts !== CONTACTS) throw new Error(`${first.contacts} contacts arrived`);
  print(peer, "first sync of a new device", {
    bytes_per_contact: first.bytes / CONTACTS, [counted]: first.requests, connections: first.connections,
  });
  print(peer, "merge", { contacts_per_second: CONTACTS / (first.ms / 1e3) });
  print(peer, "worst moment of the first sync", {
    resident_mib: first.peak / 2 ** 20, idle_process_mib: idleProcess.peak / 2 ** 20,
  });
  const { bytes, blocks } = disk(at("b"));
  print(peer, "disk", { bytes_per_contact: bytes / CONTACTS, blocks_per_contact: blocks / CONTACTS });

  await run(peer, "sync", at("b"), { line, index });
  const idle = await run(peer, "sync", at("b"), { line, index });
  print(peer, "idle sync", { bytes: idle.bytes, [counted]: idle.requests, connections: idle.connections });

  const logged = await run(peer, "outing", at("b"), { index });
  print(peer, "log one contact", { ms: logged.log_ms, syncs_to_disk: false, bare_sync_ms: logged.bare_sync_ms });
  const news = { line, index, outings: OUTINGS + 1 };
  const push = await run(peer, "sync", at("b"), news);
  print(peer, "push one outing", {
    bytes_per_contact: push.bytes / CONTACTS_OF_OUTING, bytes: push.bytes, [counted]: push.requests,
    connections: push.connections,
  });
  const seen = await run(peer, "sync", at("a"), news);
  if (seen.contacts !== CONTACTS + CONTACTS_OF_OUTING) throw new Error(`${seen.contacts} contacts after the push`);
  line.close();
}

function versions(peer) {
  const version = (name) => JSON.parse(fs.readFileSync(path.join(here, "node_modules", name, "package.json"))).version;
  return Object.fromEntries(PEERS[peer].packages.map((name) => [name, version(name)]));
}

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in PEERS));
if (unknown) throw new Error(`no peer is called ${unknown}: ${Object.keys(PEERS).join(", ")}`);
console.log(JSON.stringify({ node: process.version, system: os.release(), cpus: os.cpus().length, data: describe() }));
for (const peer of chosen.length ? chosen : Object.keys(PEERS)) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `peers-${peer}-`));
  console.log(JSON.stringify({ peer, versions: versions(peer) }));
  try {
    await measure(peer, folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(0);

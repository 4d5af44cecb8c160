// One device's task in a process of its own: `task.mjs PEER TASK FOLDER [PORT] [OUTINGS] [INDEX]`: OUTINGS is how
// many there are once a sync is through. Tells its parent what it found.

import { OUTINGS, reference } from "./reference.mjs";
import { bareSync, median, peak } from "./machine.mjs";

const [peer, task, folder, port, outings, index] = process.argv.slice(2);
const { Device } = await import(`./${peer}/device.mjs`);
const device = new Device(folder, Number(port), index);

/** The parent says when all that belongs to an exchange has passed. */
const told = () => new Promise((done) => process.once("message", done));

async function timed(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const tasks = {
  /** A process that opened an empty store, and does nothing. */
  async idle() {
    await device.contacts();
  },
  async load() {
    await device.load(reference().slice(0, OUTINGS));
  },
  async sync() {
    const ms = await timed(() => device.sync(Number(outings)));
    const contacts = await device.contacts();
    process.send({ synced: true });
    await told();
    return { ms, contacts };
  },
  /** An outing without a connection, contact by contact. */
  async outing() {
    await device.contacts();
    const times = [];
    for (const contact of reference()[OUTINGS]) times.push(await timed(() => device.log(contact)));
    const bytes = JSON.stringify(reference()[OUTINGS][0]).length;
    return { log_ms: median(times), bare_sync_ms: bareSync(folder, bytes, 50) };
  },
};

const found = await tasks[task]();
process.send({ result: { ...found, index: device.index, peak: peak() } });
await device.close();
process.exit(0);

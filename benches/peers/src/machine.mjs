// What the system says about a process and a folder.

import fs from "node:fs";
import path from "node:path";

/** The most memory that this process has had resident, in bytes. */
export function peak() {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)[1]) * 1024;
}

/** Bytes of all files below a folder: as long as they are, and as the file system's blocks. */
export function disk(folder) {
  const files = fs.readdirSync(folder, { recursive: true }).map((name) => fs.statSync(path.join(folder, name)));
  const sum = (of) => files.filter((file) => file.isFile()).map(of).reduce((a, b) => a + b, 0);
  return { bytes: sum((file) => file.size), blocks: sum((file) => file.blocks * 512) };
}

/** Milliseconds of an append and an fsync of so many bytes: the least that a durable write can cost. The median of many. */
export function bareSync(folder, length, runs) {
  const file = fs.openSync(path.join(folder, "bare"), "a");
  const bytes = Buffer.alloc(length, 7);
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    fs.writeSync(file, bytes);
    fs.fsyncSync(file);
    return performance.now() - start;
  });
  fs.closeSync(file);
  return median(times);
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

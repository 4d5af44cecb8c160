// The reference data: 5,000 contacts by 10 devices in 200 outings of 25, drawn from a fixed seed. The benches of Haversack draw
// the very same (tests/benches/reference.rs); the hash of all lines is checked on both sides.

import { createHash } from "node:crypto";

export const DEVICES = 10;
export const OUTINGS = 200;
export const CONTACTS_OF_OUTING = 25;
export const CONTACTS = OUTINGS * CONTACTS_OF_OUTING;
const CLIENTS = 500;

/** xorshift32: the same few lines in any language. */
function dice(seed) {
  let x = seed;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

const two = (n) => String(n).padStart(2, "0");
const hex = (n) => n.toString(16).padStart(8, "0");
const id = (roll) => hex(roll(2 ** 32)) + hex(roll(2 ** 32));

const SITES = ["KM-N", "KM-V", "KM-B", "KM-M"];
const ITEMS = ["needle", "water", "filter", "swab", "cooker", "leaflet", "condom_m"];
const SERVICES = ["nsp", "education", "hygiene", "family", "legal", "housing"];
const DURATIONS = ["under_5", "5_to_15", "over_15"];

/** Whom a contact was with: 19 in 20 have a file, others are asked for sex and age. */
function who(roll, tags) {
  if (roll(20) < 19) return { client: tags[roll(CLIENTS)] };
  return { sex: ["M", "F"][roll(2)], age: ["<25", "25+"][roll(2)] };
}

/** What was handed out: syringes, and each of seven other things by the toss of a coin. */
function given(roll) {
  const out = { syringe_fixed_1ml: 1 + roll(100) };
  for (const item of ITEMS) if (roll(2) === 0) out[item] = 1 + roll(100);
  return out;
}

const services = (roll) => SERVICES.filter(() => roll(2) === 0);

/** An outing: 25 contacts of one device at one place on one day. */
function outing(roll, n, tags) {
  const site = SITES[roll(SITES.length)];
  const day = `2008-02-${two(4 + Math.floor(n / DEVICES))}`;
  return Array.from({ length: CONTACTS_OF_OUTING }, () => ({
    id: id(roll),
    day,
    site,
    ...who(roll, tags),
    out: given(roll),
    back: roll(100),
    did: services(roll),
    took: DURATIONS[roll(3)],
  }));
}

/** `outings` + 1 of them: the last is the news that a device brings after it was offline. */
export function reference(outings = OUTINGS) {
  const roll = dice(2008);
  const tags = Array.from({ length: CLIENTS }, () => id(roll));
  return Array.from({ length: outings + 1 }, (_, n) => outing(roll, n, tags));
}

/** SHA-256 of all lines of JSON. */
const SHA256 = "4f89545a4618465476537660da9ab699496ea9e6fe54fba09e61e1d5d86c0fc1";

/** What the data is. It must be the very data that the other side measures. */
export function describe() {
  const contacts = reference().flat();
  const lines = contacts.map((contact) => JSON.stringify(contact) + "\n");
  const sha256 = createHash("sha256").update(lines.join("")).digest("hex");
  if (sha256 !== SHA256) throw new Error("the reference data is not what it was");
  return { contacts: contacts.length, json_bytes: lines.join("").length / contacts.length - 1, sha256 };
}

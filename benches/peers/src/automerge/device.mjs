// A device with automerge-repo over its file storage. One document an outing, as Haversack has them, and one index that names
// them: without it no device could know what there is.

import { Repo } from "@automerge/automerge-repo";
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs";
import { CONTACTS_OF_OUTING } from "../reference.mjs";

export class Device {
  #outing;

  constructor(folder, server, index) {
    this.folder = folder;
    this.server = server;
    this.index = index;
  }

  /** Opens the store and, where there is a server, waits for it: what is asked for before counts as unavailable. */
  async #open() {
    if (this.repo) return this.repo;
    const network = this.server ? [new WebSocketClientAdapter(`ws://127.0.0.1:${this.server}`)] : [];
    this.repo = new Repo({ network, storage: new NodeFSStorageAdapter(this.folder) });
    if (this.server) await new Promise((done) => this.repo.networkSubsystem.once("peer", done));
    return this.repo;
  }

  async #list() {
    const repo = await this.#open();
    if (this.index) return repo.find(this.index);
    const list = repo.create({ outings: [] });
    this.index = list.url;
    return list;
  }

  async #newOuting() {
    const list = await this.#list();
    const outing = this.repo.create({ contacts: {} });
    list.change((list) => list.outings.push(outing.url));
    return outing;
  }

  /** Puts in many outings: each contact is a change of its own, as when it was logged. */
  async load(outings) {
    for (const contacts of outings) {
      const outing = await this.#newOuting();
      contacts.forEach((contact) => outing.change((document) => put(document, contact)));
    }
    await this.repo.flush();
  }

  async log(contact) {
    this.#outing ??= await this.#newOuting();
    this.#outing.change((document) => put(document, contact));
    await this.repo.flush([this.#outing.documentId]);
  }

  async #outings(count) {
    const list = await this.#list();
    await until(list, ({ outings }) => outings?.length >= count);
    return Promise.all(list.doc().outings.map((url) => this.repo.find(url)));
  }

  /** Opens everything, and waits until so many outings are whole: what is open is kept in step. */
  async sync(outings) {
    const all = await this.#outings(outings);
    await Promise.all(all.map((outing) => until(outing, isWhole)));
    await this.repo.flush();
  }

  async contacts() {
    const outings = await this.#outings(0);
    return outings.reduce((sum, outing) => sum + Object.keys(outing.doc().contacts).length, 0);
  }

  async close() {
    await this.repo?.flush();
    await this.repo?.shutdown();
  }
}

/** An outing may come in several messages. */
function isWhole({ contacts }) {
  return contacts && Object.keys(contacts).length === CONTACTS_OF_OUTING;
}

function until(handle, is) {
  return new Promise((done) => {
    const look = () => {
      if (!is(handle.doc())) return;
      handle.off("change", look);
      done();
    };
    handle.on("change", look);
    look();
  });
}

function put(document, { id, ...rest }) {
  document.contacts[id] = rest;
}

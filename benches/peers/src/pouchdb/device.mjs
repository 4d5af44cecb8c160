// A device with PouchDB over LevelDB. One document a contact, its usual way. Replication with the settings that it comes with.

import PouchDB from "pouchdb";

export class Device {
  constructor(folder, server) {
    this.local = new PouchDB(`${folder}/db`);
    this.remote = server && new PouchDB(`http://127.0.0.1:${server}/team`);
  }

  /** Puts in many outings at once: how the records came here is not measured. */
  async load(outings) {
    for (const contacts of outings) await this.local.bulkDocs(contacts.map(document));
  }

  async log(contact) {
    await this.local.put(document(contact));
  }

  async sync() {
    await PouchDB.sync(this.local, this.remote);
  }

  async contacts() {
    return (await this.local.info()).doc_count;
  }

  async close() {
    await this.local.close();
  }
}

function document({ id, ...rest }) {
  return { _id: id, ...rest };
}

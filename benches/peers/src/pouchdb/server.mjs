// The CouchDB protocol from npm, over LevelDB: `server.mjs FOLDER`. Tells its port, and how many requests came when asked.

import express from "express";
import expressPouchdb from "express-pouchdb";
import PouchDB from "pouchdb";

const [folder] = process.argv.slice(2);
const Database = PouchDB.defaults({ prefix: `${folder}/` });
const app = express();
let requests = 0;
app.use((_request, _answer, next) => {
  requests += 1;
  next();
});
app.use("/", expressPouchdb(Database, { mode: "minimumForPouchDB" }));
const server = app.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("message", () => {
  process.send({ requests });
  requests = 0;
});

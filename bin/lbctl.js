#!/usr/bin/env node
"use strict";
// Loads the bundle with the code that V8 compiled in an earlier run: half of a start is compiling, and Node's own
// compile cache exists from 22 on only. The code is kept below dist/, where only who may change lbctl may write.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");
const { pathToFileURL } = require("node:url");

const dist = path.join(__dirname, "..", "dist");
// each command compiles other functions
const command = /^[a-z]+$/.test(process.argv[2] ?? "") ? process.argv[2] : "none";
const kept = path.join(dist, "compiled", `${process.version}-${process.arch}`, command);
const loaded = new Map();
const fresh = [];

/** Like require() for the bundle's own files. */
function load(name) {
  const known = loaded.get(name);
  if (known) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const filename = path.join(dist, name);
  const cachedData = readKept(name);
  // the build wrote a function around it, in ASCII: V8 keeps such bytes outside of its heap
  const script = new vm.Script(fs.readFileSync(filename, "latin1"), { filename, cachedData });
  if (!cachedData || script.cachedDataRejected) fresh.push({ name, script });
  const own = (request) =>
    request.startsWith("./") && request.endsWith(".js") ? load(request.slice(2)) : require(request);
  script.runInThisContext()(module.exports, own, module, filename, dist, pathToFileURL(filename).href);
  return module.exports;
}

/** Undefined when there is none, or it is damaged: V8 would run whatever it is given. */
function readKept(name) {
  try {
    const file = fs.readFileSync(path.join(kept, name));
    const code = file.subarray(sumLength);
    return sum(code).equals(file.subarray(0, sumLength)) ? code : undefined;
  } catch {
    return undefined;
  }
}

// its name changes with its text, as those of the other files do: V8 tells old code from new by its length alone
function entry() {
  try {
    return load(fs.readFileSync(path.join(dist, "entry"), "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    const folder = path.dirname(dist);
    process.stderr.write(`error: lbctl is not built: run \`npm ci && npm run build\` in ${folder}\n`);
    process.exit(1);
  }
}

const sumLength = 20;
function sum(code) {
  return createHash("sha1").update(code).digest();
}

/** After a run that went well, so that what it needed is compiled. Never said when it cannot be done. */
function keep() {
  try {
    if (
      fresh.length === 0 ||
      ![undefined, 0, 2].includes(process.exitCode) ||
      fs.statSync(dist).uid !== process.getuid?.()
    )
      return;
    fs.mkdirSync(kept, { recursive: true });
    for (const { name, script } of fresh) {
      const draft = path.join(kept, `${name}.${process.pid}`);
      const code = script.createCachedData();
      fs.writeFileSync(draft, Buffer.concat([sum(code), code]));
      fs.renameSync(draft, path.join(kept, name));
    }
  } catch {
    // a full or read-only disk costs time at the next start, nothing else
  }
}

process.on("exit", keep);
Promise.resolve(entry().main(process.argv)).then(() => {
  // all is done and said: connections need not be closed one by one
  // but for what could not be written, which is told in the next turn
  if (process.stdout.writableLength + process.stderr.writableLength === 0) setImmediate(() => process.exit());
});

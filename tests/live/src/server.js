// SPDX-License-Identifier: Apache-2.0
// Serves files over HTTP: node server.js PORT DIRECTORY
"use strict";
const fs = require("fs");
const http = require("http");
const path = require("path");
const { execFile } = require("child_process");
const [port, directory] = process.argv.slice(2);

const codes = { ENOENT: 404, EACCES: 403, EISDIR: 400 };
const server = http.createServer((request, response) => {
  fs.readFile(path.join(directory, path.normalize(request.url)), (error, data) => {
    response.writeHead(error ? codes[error.code] || 500 : 200);
    response.end(error ? "" : data);
  });
});
process.on("SIGTERM", () => process.exit(0));
execFile("/bin/echo", ["child"], (error, out) => {
  console.log("command", JSON.stringify(out), error);
  server.on("error", (failure) => {
    console.log(failure.code, "permission denied");
    process.exit(1);
  });
  server.listen(Number(port), "127.0.0.1");
});

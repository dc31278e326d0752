// Stands in for cdktf's native terminal module on a Node that the module was not built for: the same calls over an ordinary child process.
const { spawn } = require("node:child_process");
const Module = require("node:module");

const name = "@cdktf/node-pty-prebuilt-multiarch";

function spawnTerminal(file, args, options) {
  const child = spawn(file, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  const on = (listener, subscribe) => {
    subscribe(listener);
    return { dispose: () => {} };
  };
  return {
    pid: child.pid,
    process: file,
    onData: (listener) =>
      on(listener, (call) => {
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => call(chunk.toString()));
      }),
    onExit: (listener) => on(listener, (call) => child.on("close", (exitCode) => call({ exitCode: exitCode ?? 1 }))),
    write: (text) => child.stdin.write(text),
    kill: (signal) => child.kill(signal),
    resize: () => {},
  };
}

const load = Module._load;
Module._load = function (request, ...rest) {
  return request === name ? { spawn: spawnTerminal } : load.call(this, request, ...rest);
};

// @photoncloud/server: the control plane. `photon server` calls runServer; a program that holds a server inside itself calls startServer.
export type { Administrator } from "./admin-file.ts";
export { type Config, ConfigError, readConfig, settingsHelp } from "./config.ts";
export { type RunningServer, type StartOptions, startServer } from "./main.ts";
export { type RunOptions, runServer } from "./run.ts";
export { runAgent } from "./run-agent.ts";

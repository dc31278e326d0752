/** A setting is wrong; the message says which, and how to mend it. `photon server` prints it and ends with code 2. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

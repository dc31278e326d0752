// Runs a script that the build has packed into a string: a process that does not need it does not even parse it.

/**
 * What a packed CommonJS script exports. It may require Node's own modules alone.
 *
 * @param packed Base64 of the script, deflated (RFC 1951).
 */
export async function unpack(packed: string): Promise<unknown> {
  const [{ inflateRawSync }, { createRequire }, { compileFunction }] = await Promise.all([
    import("node:zlib"),
    import("node:module"),
    import("node:vm"),
  ]);
  const code = inflateRawSync(Buffer.from(packed, "base64")).toString("utf8");
  const module = { exports: {} as unknown };
  const run = compileFunction(code, ["exports", "require", "module"], { filename: "photoncloud-provider.js" });
  run(module.exports, createRequire(process.execPath), module);
  return module.exports;
}

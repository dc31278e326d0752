// Consoles and exports: nobody looks at a foreign machine, and nothing tells it from one that never was.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { call, comparable, type Json, missing, opened } from "./calls.ts";
import { type Caller, type Place, startWorld, type World } from "./world.ts";

const methods = ["ConsoleService/OpenConsole", "ConsoleService/ReadConsoleLog", "VmExportService/ExportVm"] as const;
let world: World;
let vmId: string;
beforeAll(async () => {
  world = await startWorld();
  vmId = world.owner.ids.get("plasmavmc.v1.Vm") ?? "";
});
afterAll(() => world.cloud.stop());

function ask(method: string, { orgId, projectId }: Place, id: string, token?: string) {
  const send = method === "VmExportService/ExportVm" ? opened : call;
  return send(world.url, `plasmavmc.v1.${method}`, { org_id: orgId, project_id: projectId, vm_id: id }, token);
}

const strangers: readonly (readonly [string, () => Caller])[] = [
  ["a foreign project's administrator", () => world.foreignProjectAdmin],
  ["a foreign org's administrator", () => world.foreignOrgAdmin],
  ["the other project's administrator", () => world.neighbour],
];

describe.each(methods)("%s", (method) => {
  /** Asks about the owner's machine and about one that never was: the answers are the same. */
  async function asked(place: Place, token?: string): Promise<Json> {
    const foreign = await ask(method, place, vmId, token);
    const never = await ask(method, place, missing(vmId), token);
    expect(comparable(foreign, vmId, vmId)).toBe(comparable(never, missing(vmId), vmId));
    return { code: foreign.code };
  }

  test("is refused without a token that is good", async () => {
    for (const token of [undefined, "garbage"])
      expect(await asked(world.owner, token)).toEqual({ code: "unauthenticated" });
  });

  test.each(strangers)(
    "is refused to %s in the owner's project, and finds nothing in their own",
    async (_, callerOf) => {
      const { token, home } = callerOf();
      expect(await asked(world.owner, token)).toEqual({ code: "permission_denied" });
      expect(await asked(home, token)).toEqual({ code: "not_found" });
    },
  );

  test("is refused to who may only look at the project's resources", async () => {
    expect(await asked(world.owner, world.viewer.token)).toEqual({ code: "permission_denied" });
  });
});

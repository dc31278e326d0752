import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { IssueTokenRequestSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { simulatedDrivers } from "../../backends/detect.ts";
import { systemClock } from "../../clock.ts";
import { openSqliteStore } from "../../store/index.ts";
import type { Store } from "../../store/store.ts";
import { createResources } from "../resources/index.ts";
import { createIam } from "./index.ts";
import { callBy, kindOf } from "./testing/world.ts";

function server(store: Store, issuer = "https://cloud.test") {
  const iam = createIam({ store, catalog: catalog(), clock: systemClock, issuer });
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const resources = createResources({
    store,
    kinds: iam.kinds,
    catalog: catalog(),
    clock: systemClock,
    random,
    drivers: simulatedDrivers(),
  });
  const login = (password: string) => {
    const credential = { case: "password", value: password } as const;
    const request = create(IssueTokenRequestSchema, { orgId: "system", principalId: "admin", credential });
    return iam.handlers[0]?.methods.IssueToken?.(request, callBy(""));
  };
  return { iam, resources, login };
}

test("bootstrap() makes one administrator although two servers start at once, and none at later starts", async () => {
  const store = await openSqliteStore({ file: ":memory:" });
  const [one, two] = [server(store), server(store)];
  const made = await Promise.all([one, two].map(({ iam, resources }) => iam.bootstrap({ resources })));
  expect(made.filter((each) => each.created)).toHaveLength(1);
  const password = made.find((each) => each.created)?.password ?? "";
  expect(password).toHaveLength(24);
  await one.login(password);
  expect(await two.iam.bootstrap({ resources: two.resources })).toEqual({ created: false });
  await store.close();
});

test("bootstrap() sets the password again where it was not announced", async () => {
  const store = await openSqliteStore({ file: ":memory:" });
  const { iam, resources, login } = server(store);
  let lost = "";
  const announce = (password: string) => {
    lost = password;
    throw new Error("the terminal is gone");
  };
  await expect(iam.bootstrap({ resources, announce })).rejects.toThrow("the terminal is gone");
  const { created, password = "" } = await iam.bootstrap({ resources });
  expect(created).toBe(true);
  await login(password);
  await expect(login(lost)).rejects.toMatchObject({ reason: "BAD_CREDENTIALS" });
  const bindings = await resources.unary(
    kindOf("role_binding"),
    "list",
    create(kindOf("role_binding").standard.list.desc.input),
    callBy(""),
  );
  expect(bindings).toMatchObject({
    roleBindings: [
      { principal: "user:system/admin", roleId: "SystemAdmin" },
      { principal: "user:system/break-glass", roleId: "SystemAdmin" },
    ],
  });
  await store.close();
});

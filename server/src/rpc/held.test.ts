// Readings that are held back until there is something to tell: whoever may no longer read by then is told nothing.
import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Authorizer, ResourceCalls } from "../services/call.ts";
import { postJson, type StandIns, startStandIns } from "./testing/stand-ins.ts";

const get = "prismnet.v1.VpcService/GetVpc";
const asked = { orgId: "acme", projectId: "alpha", id: "vpc-1" };
const terms = { authorization: "Bearer acme/alice", "photon-wait-ms": "20000" };

let cloud: StandIns;
afterEach(() => cloud.close());

/** A cloud in which a get is answered when it is told to be. */
async function start(authorizer?: Authorizer) {
  const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const never = () => Promise.reject(new Error("nobody asks for it"));
  const calls: ResourceCalls = {
    async unary() {
      held.resolve();
      await released.promise;
      return create(VpcSchema, { ...asked, name: "told too late" });
    },
    custom: never,
    attributes: async () => ({}),
    again: never,
    watch: () => {
      throw new Error("nobody watches");
    },
  };
  cloud = await startStandIns({ calls, ...(authorizer && { authorizer }) });
  return { held: held.promise, release: released.resolve };
}

test("a reading that is held back is answered to who may still read", async () => {
  const { held, release } = await start();
  const answer = postJson(cloud.url, get, asked, terms);
  await held;
  release();
  expect(await answer).toMatchObject({ status: 200, body: { name: "told too late" } });
});

test("a reading that is held back is refused once its session has ended", async () => {
  const { held, release } = await start();
  const answer = postJson(cloud.url, get, asked, terms);
  await held;
  cloud.revoke("acme/alice");
  release();
  expect(await answer).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
});

test("a reading that is held back is refused once its permission is gone", async () => {
  let allowed = true;
  const decision = () => ({ allowed, explanation: "", roleId: "", roleBindingId: "" });
  const { held, release } = await start({ authorize: async () => decision() });
  const answer = postJson(cloud.url, get, asked, terms);
  await held;
  allowed = false;
  release();
  expect(await answer).toMatchObject({ status: 403, body: { code: "permission_denied" } });
});

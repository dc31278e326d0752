import { expect, test } from "@jest/globals";
import { inOrder, networkContract, sampleNetwork } from "../contract.ts";
import { simulatedNetwork } from "./index.ts";

networkContract({ name: "simulated", open: async () => simulatedNetwork() });

const { signal } = new AbortController();

test("plug() shows in the port's status and is told once", async () => {
  const network = simulatedNetwork();
  for (const object of inOrder(sampleNetwork("plug"))) await network.ensure(object, signal);
  const told: unknown[] = [];
  network.onChange((port) => told.push(port));
  network.plug("port-plug-1", true);
  network.plug("port-plug-1", true);
  network.plug("port-nowhere", true);
  expect(await network.portStatus("port-plug-1")).toEqual({ up: true });
  expect(told).toEqual([{ id: "port-plug-1", owner: "acme/alpha" }]);
});

test("reaches() says why", async () => {
  const network = simulatedNetwork();
  for (const object of inOrder(sampleNetwork("why"))) await network.ensure(object, signal);
  const packet = { fromPortId: "port-why-1", toIp: "10.0.2.10", protocol: "icmp" } as const;
  expect(await network.reaches(packet)).toEqual({ reached: false, because: "no ingress rule of port-why-2 allows it" });
  const nobody = await network.reaches({ ...packet, toIp: "10.0.2.11" });
  expect(nobody.because).toBe("no port of vpc-why has the address 10.0.2.11");
  await network.remove({ type: "router-port", id: "subnet-why-2" }, signal);
  expect((await network.reaches(packet)).because).toBe("subnet-why-2 is not joined to its router");
});

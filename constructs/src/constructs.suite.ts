// What the constructs must do, whichever base package is beneath them: run for cdktf and for cdktn.
import { describe, expect, test } from "@jest/globals";
import type { Construct } from "constructs";
import type * as Constructs from "./index.ts";

/** What the tests need of a base package. */
export interface Base {
  readonly App: new (options?: { outdir?: string }) => Construct;
  readonly TerraformStack: new (scope: Construct, id: string) => Construct;
  readonly Testing: {
    app(): Construct;
    // biome-ignore lint/suspicious/noExplicitAny: the stack's class differs between the base packages
    synth(stack: any): string;
  };
}

interface Synthesized {
  readonly terraform: { readonly required_providers: Record<string, { source: string; version: string }> };
  readonly resource: Record<string, Record<string, Record<string, unknown>>>;
}

export function constructsSuite(name: string, base: Base, lib: typeof Constructs): void {
  const synth = (build: (stack: Construct) => void): Synthesized => {
    const stack = new base.TerraformStack(base.Testing.app(), "test");
    new lib.PhotonCloudProvider(stack, "photoncloud", {});
    build(stack);
    return JSON.parse(base.Testing.synth(stack));
  };
  const one = (made: Synthesized, type: string) => Object.values(made.resource[`photoncloud_${type}`] ?? {})[0] ?? {};

  describe(name, () => {
    test("a quickstart synthesizes to the resources that it says", () => {
      const made = synth((stack) => {
        const vpc = new lib.Vpc(stack, "main", { cidr: "10.0.0.0/16" });
        const web = new lib.Vm(stack, "web", { subnet: vpc.addSubnet("web"), image: "debian-12", size: "small" });
        const app = new lib.Vm(stack, "app", {
          subnet: vpc.addSubnet("app", { cidr: "10.0.9.0/24" }),
          image: "debian-12",
          size: { cpu: 3, memory: 1536 },
        });
        web.connections.allowFromAnyone(lib.tcp(80));
        app.connections.allowFrom(web, lib.tcp(8080));
      });
      expect(made).toMatchSnapshot();
    });

    test("the provider is named in required_providers", () => {
      const made = synth((stack) => void new lib.Vpc(stack, "main"));
      expect(made.terraform.required_providers.photoncloud).toEqual({
        source: "registry.photoncloud.internal/photoncloud/photoncloud",
        version: "0.1.0",
      });
    });

    test("L1 renames fields at every depth and leaves the keys of maps alone", () => {
      const made = synth(
        (stack) =>
          void new lib.TfSecurityGroup(stack, "sg", {
            name: "sg",
            labels: { camelCase: "kept" },
            rules: {
              webIn: { direction: "ingress", protocol: "tcp", portRange: { first: 80 }, remoteCidr: "0.0.0.0/0" },
            },
            timeouts: { create: "1m" },
          }),
      );
      expect(one(made, "security_group")).toMatchObject({
        labels: { camelCase: "kept" },
        rules: {
          webIn: { direction: "ingress", protocol: "tcp", port_range: { first: 80 }, remote_cidr: "0.0.0.0/0" },
        },
        timeouts: { create: "1m" },
      });
    });

    test("names come from the path, and long ones keep apart", () => {
      const made = synth((stack) => {
        const vpc = new lib.Vpc(stack, "MainNet");
        vpc.addSubnet("Web Tier");
        vpc.addSubnet(`${"x".repeat(70)}1`);
        vpc.addSubnet(`${"x".repeat(70)}2`);
      });
      const names = Object.values(made.resource.photoncloud_subnet ?? {}).map((subnet) => String(subnet.name));
      expect(names[0]).toBe("main-net-web-tier");
      expect(new Set(names).size).toBe(3);
      for (const each of names) expect(each).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
    });

    test("a machine makes its port in the subnet and a group of its own", () => {
      const made = synth(
        (stack) =>
          void new lib.Vm(stack, "web", { subnet: new lib.Vpc(stack, "main").addSubnet("a"), image: "debian-12" }),
      );
      expect(one(made, "port")).toMatchObject({
        name: "web",
        subnet_id: expect.stringContaining("photoncloud_subnet"),
        security_group_ids: [expect.stringContaining("photoncloud_security_group")],
      });
      expect(one(made, "vm")).toMatchObject({
        spec: {
          cpu: 1,
          memory: 1024,
          image_id: "debian-12",
          network: [{ id: "eth0", port_id: expect.stringContaining("photoncloud_port") }],
        },
      });
    });

    test("a machine says what it is kept by, and takes a flavor in the place of a size", () => {
      const made = synth((stack) => {
        const subnet = new lib.Vpc(stack, "main").addSubnet("a");
        const keys = ["ssh-ed25519 AAAA me"];
        const wishes = { sshKeys: keys, restart: "on-failure", protect: true } as const;
        new lib.Vm(stack, "web", { subnet, image: "debian-12", flavor: "medium", ...wishes });
        const both = () => new lib.Vm(stack, "both", { subnet, image: "debian-12", flavor: "medium", size: "small" });
        expect(both).toThrow("a size or a flavor");
      });
      const web = Object.values(made.resource.photoncloud_vm ?? {})[0];
      expect(web).toMatchObject({
        deletion_protection: true,
        spec: { flavor_id: "medium", ssh_keys: ["ssh-ed25519 AAAA me"], restart_policy: "on_failure" },
      });
      expect(web?.spec).not.toHaveProperty("cpu");
    });

    test("machines may share security groups, and then make none", () => {
      const made = synth((stack) => {
        const group = new lib.SecurityGroup(stack, "shared");
        const subnet = new lib.Vpc(stack, "main").addSubnet("a");
        new lib.Vm(stack, "one", { subnet, image: "debian-12", securityGroups: [group] });
        new lib.Vm(stack, "two", { subnet, image: "debian-12", securityGroups: [group] });
      });
      expect(Object.keys(made.resource.photoncloud_security_group ?? {})).toHaveLength(1);
    });

    test("rules say intent", () => {
      const made = synth((stack) => {
        const [web, app] = [new lib.SecurityGroup(stack, "web"), new lib.SecurityGroup(stack, "app")];
        app.connections.allowFrom(web, lib.tcp(5000, 5010));
        app.connections.allowFrom(web, lib.tcp(5000, 5010));
        app.connections.allowFromCidr("10.0.0.0/8", lib.icmp());
        app.connections.allowToCidr("0.0.0.0/0", lib.anything());
        const offices = new lib.TfAddressGroup(stack, "offices", { name: "offices", cidrs: ["192.0.2.0/24"] });
        app.connections.allowFromAddresses(offices, lib.tcp(22));
      });
      const rules = Object.values(made.resource.photoncloud_security_group ?? {}).find(
        (group) => group.name === "app",
      )?.rules;
      expect(rules).toEqual({
        "from-web-tcp-5000-5010": {
          direction: "ingress",
          protocol: "tcp",
          port_range: { first: 5000, last: 5010 },
          remote_group_id: expect.stringContaining("photoncloud_security_group"),
        },
        "from-offices-tcp-22": {
          direction: "ingress",
          protocol: "tcp",
          port_range: { first: 22 },
          remote_address_group_id: expect.stringContaining("photoncloud_address_group"),
        },
        "from-10-0-0-0-8-icmp": { direction: "ingress", protocol: "icmp", remote_cidr: "10.0.0.0/8" },
        "to-0-0-0-0-0-any": { direction: "egress", remote_cidr: "0.0.0.0/0" },
      });
    });

    test("a VPC with IPv6 gives its subnets blocks, drawn or chosen", () => {
      const made = synth((stack) => {
        const vpc = new lib.Vpc(stack, "main", { ipv6Cidr: "fd00:10::/48" });
        vpc.addSubnet("web", { ipv6Cidr: "fd00:10:0:1::/64", mtu: 1400 });
      });
      expect(one(made, "vpc")).toMatchObject({ ipv6_cidr: "fd00:10::/48" });
      expect(one(made, "subnet")).toMatchObject({ ipv6_cidr: "fd00:10:0:1::/64", mtu: 1400 });
    });

    test("two VPCs of one program are peered from both sides", () => {
      const made = synth((stack) => {
        const main = new lib.Vpc(stack, "main");
        main.peerWith("to-shared", new lib.Vpc(stack, "shared", { cidr: "10.1.0.0/16" }));
      });
      const sides = Object.values(made.resource.photoncloud_peering ?? {});
      expect(sides.map(({ name }) => name).toSorted()).toEqual(["main-to-shared", "main-to-shared-back"]);
      expect(sides.map(({ vpc_id }) => vpc_id)).toEqual(sides.map(({ peer_vpc_id }) => peer_vpc_id).reverse());
    });

    test("somebody else's VPC is peered from the own side, and its groups may be let in", () => {
      const made = synth((stack) => {
        const shared = { vpcId: "vpc-01k0", orgId: "rival", projectId: "alpha" };
        const peering = new lib.Vpc(stack, "main").peerWith("to-shared", shared);
        const web = new lib.SecurityGroup(stack, "web");
        web.connections.allowFromPeer(peering.group("app", "sg-01k0"), lib.tcp(80));
        web.connections.allowFromPeer(peering.group("ops", "sg-02k0"), lib.tcp(80));
      });
      expect(Object.keys(made.resource.photoncloud_peering ?? {})).toHaveLength(1);
      expect(one(made, "peering")).toMatchObject({
        peer_vpc_id: "vpc-01k0",
        peer_org_id: "rival",
        peer_project_id: "alpha",
      });
      const remote = { peering_id: expect.stringContaining("photoncloud_peering"), security_group_id: "sg-01k0" };
      expect(one(made, "security_group").rules).toMatchObject({
        "from-main-to-shared-app-tcp-80": { remote_peer_group: remote, port_range: { first: 80 } },
        "from-main-to-shared-ops-tcp-80": { direction: "ingress" },
      });
    });

    test("a VPC is joined to an external network, and a machine gets a public address of it", () => {
      const made = synth((stack) => {
        const vpc = new lib.Vpc(stack, "main", { externalNetwork: "external" });
        const web = new lib.Vm(stack, "web", { subnet: vpc.addSubnet("front"), image: "debian-12" });
        new lib.ElasticIp(stack, "public", { of: web });
      });
      expect(one(made, "vpc")).toMatchObject({ external_network_id: "external" });
      expect(one(made, "elastic_ip")).toEqual({
        name: "public",
        port_id: expect.stringMatching(/photoncloud_port\.\w+\.id/),
      });
    });

    test("an external network of the program is named by its id, and an elastic IP may wait for a machine", () => {
      const made = synth((stack) => {
        const cidr = "198.51.100.0/24";
        const externalNetwork = new lib.TfExternalNetwork(stack, "isp", { orgId: "", projectId: "", cidr });
        new lib.Vpc(stack, "main", { externalNetwork });
        new lib.ElasticIp(stack, "spare", { externalNetwork, address: "198.51.100.20" });
      });
      const isp = expect.stringContaining("photoncloud_external_network");
      expect(one(made, "vpc")).toMatchObject({ external_network_id: isp });
      expect(one(made, "elastic_ip")).toEqual({ name: "spare", address: "198.51.100.20", external_network_id: isp });
    });

    test("routes lead through a machine that forwards, to the outside, and nowhere", () => {
      const made = synth((stack) => {
        const vpc = new lib.Vpc(stack, "main");
        const router = new lib.Vm(stack, "router", { subnet: vpc.addSubnet("edge"), image: "vpn", forwarding: true });
        vpc.addRoute("office", { to: "192.168.0.0/16", through: router });
        vpc.addRoute("partner", { to: "198.51.100.0/24", through: "external-network" });
        vpc.addRoute("hole", { to: "10.99.0.0/16", through: "nowhere" });
        const plain = new lib.Vm(stack, "plain", { subnet: vpc.addSubnet("back"), image: "debian-12" });
        expect(() => vpc.addRoute("bad", { to: "172.16.0.0/12", through: plain })).toThrow("give it forwarding: true");
      });
      const routes = Object.values(made.resource.photoncloud_route ?? {});
      expect(routes.map(({ name, vpc_id, destination, ...target }) => [name, destination, target])).toEqual([
        ["main-hole", "10.99.0.0/16", { drop: {} }],
        ["main-office", "192.168.0.0/16", { target_port_id: expect.stringContaining("photoncloud_port") }],
        ["main-partner", "198.51.100.0/24", { elastic_gateway: {} }],
      ]);
    });

    test("what can't be deployed is refused with the mend", () => {
      synth((stack) => {
        const [web, app] = [new lib.SecurityGroup(stack, "web"), new lib.SecurityGroup(stack, "app")];
        web.connections.allowFrom(app, lib.tcp(80));
        const vpc = new lib.Vpc(stack, "main");
        expect(() => vpc.peerWith("self", vpc)).toThrow("can't be peered with itself");
        expect(() => app.connections.allowFrom(web, lib.tcp(80))).toThrow("use allowFromCidr");
        expect(() => web.connections.allowFrom(web, lib.tcp(80))).toThrow("can't name itself");
        expect(() => web.addRule("from-app-tcp-80", { direction: "egress" })).toThrow("give one of them another name");
      });
      expect(() => lib.tcp(0)).toThrow("1 to 65535");
      expect(() => lib.udp(90, 80)).toThrow("swap them");
    });
  });
}

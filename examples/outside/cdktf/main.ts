// A machine that the world reaches by a public address, and a VPN gateway that leads to an office.
import { ElasticIp, PhotonCloudProvider, tcp, Vm, Vpc } from "@photoncloud/constructs";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

class Outside extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new PhotonCloudProvider(this, "photoncloud");

    // Joined to the external network "external", which `photon server --dev` begins with; an operator makes others.
    const vpc = new Vpc(this, "main", { cidr: "10.0.0.0/16", externalNetwork: "external" });
    const front = vpc.addSubnet("front");

    const web = new Vm(this, "web", { subnet: front, image: "tiny" });
    web.connections.allowFromAnyone(tcp(80));
    // Stays while it moves: name another machine, and open connections end.
    const address = new ElasticIp(this, "public", { of: web });

    // Passes packets of others on.
    const vpn = new Vm(this, "vpn", { subnet: front, image: "tiny", forwarding: true });
    vpc.addRoute("office", { to: "192.168.0.0/16", through: vpn });
    // Of two routes the most specific one counts.
    vpc.addRoute("office-guests", { to: "192.168.200.0/24", through: "nowhere" });

    new TerraformOutput(this, "web_address", { value: address.address });
    // What the world sees the VPC's other machines by.
    new TerraformOutput(this, "egress_address", { value: vpc.egressAddress });
  }
}

const app = new App();
new Outside(app, "outside");
app.synth();

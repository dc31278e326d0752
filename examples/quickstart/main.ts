// A network and two machines: the front one answers everybody on port 80, the back one answers the front one alone.
import { icmp, PhotonCloudProvider, tcp, Vm, Vpc } from "@photoncloud/constructs";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

class Quickstart extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new PhotonCloudProvider(this, "photoncloud");

    const vpc = new Vpc(this, "main", { cidr: "10.0.0.0/16" });
    const front = vpc.addSubnet("front");
    const back = vpc.addSubnet("back");

    const web = new Vm(this, "web", { subnet: front, image: "tiny", size: "small" });
    const app = new Vm(this, "app", { subnet: back, image: "tiny", size: "medium" });

    web.connections.allowFromAnyone(tcp(80));
    web.connections.allowFromAnyone(icmp());
    app.connections.allowFrom(web, tcp(8080));

    new TerraformOutput(this, "vpc_id", { value: vpc.vpcId });
    new TerraformOutput(this, "front_cidr", { value: front.cidr });
    new TerraformOutput(this, "back_cidr", { value: back.cidr });
    new TerraformOutput(this, "web_address", { value: web.ipAddress });
    new TerraformOutput(this, "app_address", { value: app.ipAddress });
  }
}

const app = new App();
new Quickstart(app, "quickstart");
app.synth();

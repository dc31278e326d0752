// Two customers with the same network: the same names, the same addresses, and no way from one to the other.
import { anything, PhotonCloudProvider, TfOrg, TfProject, Vm, Vpc } from "@photoncloud/constructs";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

/** The operator's part: an org and a project for each. */
class Tenants extends TerraformStack {
  constructor(scope: Construct, id: string, orgs: readonly string[]) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");
    for (const id of orgs) {
      const org = new TfOrg(this, id, { id });
      new TfProject(this, `${id}-main`, { orgId: org.id, id: "main" });
    }
  }
}

/** A tenant's part, the same for all: whose it is stands in the provider's configuration alone. */
class Network extends TerraformStack {
  constructor(scope: Construct, id: string, orgId: string) {
    super(scope, id);
    new PhotonCloudProvider(this, "photoncloud", { orgId, projectId: "main" });

    const vpc = new Vpc(this, "main", { name: "main-vpc", cidr: "10.0.0.0/16" });
    const subnet = vpc.addSubnet("web", { name: "web-subnet", cidr: "10.0.1.0/24" });
    const web = new Vm(this, "web", { subnet, image: "tiny", ipAddress: "10.0.1.10" });
    // Open to everybody; everybody is who can reach the VPC, and nobody can from another.
    web.connections.allowFromAnyone(anything());

    new TerraformOutput(this, "vpc_id", { value: vpc.vpcId });
  }
}

const orgs = ["north-corp", "south-corp"];
const app = new App();
const tenants = new Tenants(app, "tenants", orgs);
for (const org of orgs) new Network(app, org, org).addDependency(tenants);
app.synth();

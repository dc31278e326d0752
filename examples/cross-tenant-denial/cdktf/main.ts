// Two customers that are alike, each with an administrator and a network. Neither sees, changes or learns anything of the other.
import { PhotonCloudProvider, TfOrg, TfProject, TfRoleBinding, TfUser, TfVpc } from "@photoncloud/constructs";
import { App, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { Construct } from "constructs";

interface CustomerProps {
  readonly org: string;
  readonly administrator: string;
  readonly password: string;
}

/** An org with a project, somebody who administers it, and a network. */
class Customer extends Construct {
  readonly vpcId: string;

  constructor(scope: Construct, id: string, { org, administrator, password }: CustomerProps) {
    super(scope, id);
    const { id: orgId } = new TfOrg(this, "org", { id: org });
    const project = new TfProject(this, "main", { orgId, id: "main" });
    const user = new TfUser(this, "administrator", { orgId, id: administrator, password });
    new TfRoleBinding(this, "administers", {
      orgId,
      projectId: "", // the whole org
      principal: `user:${org}/${user.id}`,
      roleId: "OrgAdmin",
    });
    this.vpcId = new TfVpc(this, "vpc", { orgId, projectId: project.id, name: "main", cidr: "10.0.0.0/16" }).id;
  }
}

class TwoCustomers extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");

    const variable = new TerraformVariable(this, "password", { type: "string", sensitive: true });
    variable.addOverride("ephemeral", true); // it is in no state and no plan
    const password = variable.stringValue;

    const one = new Customer(this, "one", { org: "one-corp", administrator: "alice", password });
    const two = new Customer(this, "two", { org: "two-corp", administrator: "bob", password });
    new TerraformOutput(this, "vpc_ids", { value: { "one-corp": one.vpcId, "two-corp": two.vpcId } });
  }
}

const app = new App();
new TwoCustomers(app, "cross-tenant-denial");
app.synth();

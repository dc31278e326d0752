// An operator opens a tenant: an org with two projects, the person who administers it, and an account that deploys into one project.
import {
  PhotonCloudProvider,
  TfOrg,
  TfProject,
  TfRoleBinding,
  TfServiceAccount,
  TfUser,
} from "@photoncloud/constructs";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import type { Construct } from "constructs";

class TenantSetup extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");

    const password = new TerraformVariable(this, "password", { type: "string", sensitive: true });
    password.addOverride("ephemeral", true); // it is in no state and no plan

    const acme = new TfOrg(this, "acme", { id: "acme-corp", name: "Acme Corporation" });
    const alpha = new TfProject(this, "alpha", { orgId: acme.id, id: "project-alpha" });
    new TfProject(this, "beta", { orgId: acme.id, id: "project-beta" });

    const alice = new TfUser(this, "alice", { orgId: acme.id, id: "alice", password: password.stringValue });
    new TfRoleBinding(this, "alice-administers", {
      orgId: acme.id,
      projectId: "", // the whole org
      principal: `user:acme-corp/${alice.id}`,
      roleId: "OrgAdmin",
    });

    const deployer = new TfServiceAccount(this, "deployer", { orgId: acme.id, id: "deployer" });
    new TfRoleBinding(this, "deployer-deploys", {
      orgId: acme.id,
      projectId: alpha.id,
      principal: `service_account:acme-corp/${deployer.id}`,
      roleId: "ProjectMember",
    });
  }
}

const app = new App();
new TenantSetup(app, "tenant-setup");
app.synth();

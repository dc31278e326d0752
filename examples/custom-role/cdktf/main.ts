// A role of the org's own: what it may touch, where, on which condition, and what it may never do.
import { PhotonCloudProvider, TfOrg, TfProject, TfRole, TfRoleBinding, TfUser } from "@photoncloud/constructs";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import type { Construct } from "constructs";

class CustomRole extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");

    const password = new TerraformVariable(this, "password", { type: "string", sensitive: true });
    password.addOverride("ephemeral", true); // it is in no state and no plan

    const { id: orgId } = new TfOrg(this, "roles", { id: "roles-corp" });
    for (const project of ["alpha", "beta"]) new TfProject(this, project, { orgId, id: project });

    const storageOperator = new TfRole(this, "storage-operator", {
      orgId,
      projectId: "",
      id: "StorageOperator",
      description: "Looks after volumes and images",
      permissions: [
        { action: "storage:volumes:*" },
        { action: "compute:images:*", resourcePattern: "org/roles-corp/project/alpha/image/*" },
        { action: "compute:images:delete", effect: "deny" },
        { action: "network:vpcs:*", conditions: ["resource.owner == principal.id"] },
        { action: "network:vpcs:create" },
      ],
    });

    const operator = new TfUser(this, "operator", { orgId, id: "operator", password: password.stringValue });
    new TfRoleBinding(this, "operator-operates", {
      orgId,
      projectId: "",
      principal: `user:roles-corp/${operator.id}`,
      roleId: storageOperator.id,
    });
  }
}

const app = new App();
new CustomRole(app, "custom-role");
app.synth();

// Bindings add up, each goes by itself, and a denial wins over all of them.
import { PhotonCloudProvider, TfOrg, TfProject, TfRole, TfRoleBinding, TfUser } from "@photoncloud/constructs";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import type { Construct } from "constructs";

/** While it is set nobody who is bound to "Freeze" creates anything in a network. */
const frozen = process.env.FROZEN === "true";

class ManyBindings extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");

    const password = new TerraformVariable(this, "password", { type: "string", sensitive: true });
    password.addOverride("ephemeral", true); // it is in no state and no plan

    const { id: orgId } = new TfOrg(this, "many", { id: "many-corp" });
    const alpha = new TfProject(this, "alpha", { orgId, id: "alpha" });
    new TfProject(this, "beta", { orgId, id: "beta" });

    const carol = new TfUser(this, "carol", { orgId, id: "carol", password: password.stringValue });
    const principal = `user:many-corp/${carol.id}`;
    // She sees everything in the org, works in one project, unless she is frozen.
    new TfRoleBinding(this, "sees", { orgId, projectId: "", principal, roleId: "ProjectViewer" });
    new TfRoleBinding(this, "works", { orgId, projectId: alpha.id, principal, roleId: "ProjectMember" });

    const freeze = new TfRole(this, "freeze", {
      orgId,
      projectId: "",
      id: "Freeze",
      permissions: [{ action: "network:*:create", effect: "deny" }],
    });
    if (frozen) new TfRoleBinding(this, "frozen", { orgId, projectId: "", principal, roleId: freeze.id });
  }
}

const app = new App();
new ManyBindings(app, "multiple-role-bindings");
app.synth();

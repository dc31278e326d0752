// Three people with three roles in one project, and none of them with any in the other.
import { PhotonCloudProvider, TfOrg, TfProject, TfRoleBinding, TfUser } from "@photoncloud/constructs";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import type { Construct } from "constructs";

const roles = { "admin-a": "ProjectAdmin", "member-a": "ProjectMember", "viewer-a": "ProjectViewer" };

class ProjectRoles extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");

    const password = new TerraformVariable(this, "password", { type: "string", sensitive: true });
    password.addOverride("ephemeral", true); // it is in no state and no plan

    const { id: orgId } = new TfOrg(this, "rbac", { id: "rbac-corp" });
    const alpha = new TfProject(this, "alpha", { orgId, id: "alpha" });
    new TfProject(this, "beta", { orgId, id: "beta" });

    for (const [name, roleId] of Object.entries(roles)) {
      const user = new TfUser(this, name, { orgId, id: name, password: password.stringValue });
      const principal = `user:rbac-corp/${user.id}`;
      new TfRoleBinding(this, `${name}-in-alpha`, { orgId, projectId: alpha.id, principal, roleId });
    }
  }
}

const app = new App();
new ProjectRoles(app, "rbac-project-scope");
app.synth();

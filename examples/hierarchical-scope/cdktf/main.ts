// What is given at an org holds in each of its projects, also in those that come later; nothing reaches up.
import { PhotonCloudProvider, TfOrg, TfProject, TfRoleBinding, TfUser } from "@photoncloud/constructs";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import type { Construct } from "constructs";

/** Add one, and both people have in it what they have in the others. */
const projects = ["alpha", "beta"];
const roles = { "org-admin": "OrgAdmin", "org-viewer": "ProjectViewer" };

class WholeOrg extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
    new PhotonCloudProvider(this, "photoncloud");

    const password = new TerraformVariable(this, "password", { type: "string", sensitive: true });
    password.addOverride("ephemeral", true); // it is in no state and no plan

    const { id: orgId } = new TfOrg(this, "tree", { id: "tree-corp" });
    for (const project of projects) new TfProject(this, project, { orgId, id: project });

    for (const [name, roleId] of Object.entries(roles)) {
      const user = new TfUser(this, name, { orgId, id: name, password: password.stringValue });
      const principal = `user:tree-corp/${user.id}`;
      // An empty project: the whole org, and all that is below it.
      new TfRoleBinding(this, `${name}-in-the-org`, { orgId, projectId: "", principal, roleId });
    }
  }
}

const app = new App();
new WholeOrg(app, "hierarchical-scope");
app.synth();

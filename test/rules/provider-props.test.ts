// The construct of the provider has a prop for each attribute of the provider's configuration.
import { expect, test } from "@jest/globals";
import { PhotonCloudProvider, type PhotonCloudProviderProps } from "@photoncloud/constructs";
import { App, TerraformStack } from "cdktf";
import { providerAttributes } from "../../provider/src/provider-config.ts";

const props: Required<PhotonCloudProviderProps> = {
  endpoint: "https://cloud.example:50080",
  orgId: "acme",
  projectId: "web",
  caFile: "ca.pem",
  token: "t",
  principalId: "ci",
  keySecret: "k",
  password: "p",
  idToken: "i",
  idTokenFile: "f",
  idTokenCommand: "c",
  planChecks: true,
  allowDataLoss: false,
  alias: "other",
};

test("every attribute of the provider's configuration is a prop of its construct", () => {
  const stack = new TerraformStack(new App(), "stack");
  new PhotonCloudProvider(stack, "cloud", props);
  const { provider } = stack.toTerraform();
  const names = ["alias", ...providerAttributes.map(({ name }) => name)];
  expect(Object.keys(provider.photoncloud[0]).sort()).toEqual(names.sort());
});

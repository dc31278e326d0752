// The provider's own construct: where the cloud is and who deploys.
import type { Construct } from "constructs";
import { TerraformProvider } from "../cdk.ts";

/** Where Terraform finds the provider, and which one. */
const source = "registry.photoncloud.internal/photoncloud/photoncloud";
const version = "0.1.0";

/** Written into `required_providers` of every stack that uses a resource of ours. */
export const providerRequirement = {
  providerName: "photoncloud",
  providerVersion: version,
  providerVersionConstraint: version,
};

/** Where the cloud is and who deploys. Whatever is left out is read from the environment when Terraform runs. */
export interface PhotonCloudProviderProps {
  /** The server's URL. @default - PHOTON_ENDPOINT */
  readonly endpoint?: string;
  /** The org that resources belong to. @default - PHOTON_ORG */
  readonly orgId?: string;
  /** The project that resources belong to. @default - PHOTON_PROJECT */
  readonly projectId?: string;
  /** A bearer token. @default - PHOTON_TOKEN */
  readonly token?: string;
  /** Who logs in, where no token is given. @default - PHOTON_PRINCIPAL */
  readonly principalId?: string;
  /** A service account's key. @default - PHOTON_KEY_SECRET */
  readonly keySecret?: string;
  /** A user's password. @default - PHOTON_PASSWORD */
  readonly password?: string;
  /** A pipeline's identity token, in place of a key. @default - PHOTON_ID_TOKEN */
  readonly idToken?: string;
  /** A file that holds such a token; it is read each time. @default - PHOTON_ID_TOKEN_FILE */
  readonly idTokenFile?: string;
  /** A command of the shell that prints such a token. @default - PHOTON_ID_TOKEN_COMMAND */
  readonly idTokenCommand?: string;
  /** The certificate authority that signed the server's certificate. @default - PHOTON_CA_FILE */
  readonly caFile?: string;
  /** Whether plans are checked by the cloud. @default - PHOTON_PLAN_CHECKS, or true */
  readonly planChecks?: boolean;
  /** Whether a plan may lose data in what it changes. @default - PHOTON_ALLOW_DATA_LOSS, or false: such a plan is an error */
  readonly allowDataLoss?: boolean;
  /** Tells several configurations of the provider apart. @default - none */
  readonly alias?: string;
}

/** "orgId" as "org_id" */
const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The configuration of the provider in a stack. */
export class PhotonCloudProvider extends TerraformProvider {
  readonly #props: PhotonCloudProviderProps;

  constructor(scope: Construct, id: string, props: PhotonCloudProviderProps = {}) {
    super(scope, id, {
      terraformResourceType: "photoncloud",
      terraformGeneratorMetadata: providerRequirement,
      terraformProviderSource: source,
    });
    this.#props = props;
    if (props.alias !== undefined) this.alias = props.alias;
  }

  protected override synthesizeAttributes(): { [name: string]: unknown } {
    const given = Object.entries(this.#props).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given.map(([name, value]) => [snakeCase(name), value]));
  }
}

// What every L1 construct shares: one Terraform resource, its attributes named as in the catalog.
import type { Construct } from "constructs";
import { type TerraformMetaArguments, TerraformResource } from "../cdk.ts";
import { providerRequirement } from "./provider.ts";
import { type Shape, toTerraform } from "./shape.ts";

/** How long Terraform waits, as durations like "10m". */
export interface Timeouts {
  /** @default "10m" */
  readonly create?: string;
  /** @default "10m" */
  readonly update?: string;
  /** @default "10m" */
  readonly delete?: string;
}

/** What every L1 construct takes beside its kind's own fields. */
export interface ResourceProps extends TerraformMetaArguments {
  /** How long Terraform waits. @default - 10 minutes for each */
  readonly timeouts?: Timeouts;
}

/** One resource of the cloud as one resource of Terraform. */
export abstract class PhotonResource extends TerraformResource {
  readonly #shape: Shape;
  readonly #inputs: ResourceProps;

  protected constructor(scope: Construct, id: string, terraformType: string, shape: Shape, props: ResourceProps) {
    super(scope, id, {
      ...props,
      terraformResourceType: terraformType,
      terraformGeneratorMetadata: providerRequirement,
    });
    this.#shape = shape;
    this.#inputs = props;
  }

  protected override synthesizeAttributes(): { [name: string]: unknown } {
    const attributes = toTerraform(this.#shape, this.#inputs);
    const { timeouts } = this.#inputs;
    return { ...(typeof attributes === "object" ? attributes : {}), ...(timeouts === undefined ? {} : { timeouts }) };
  }
}

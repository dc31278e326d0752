// terraform-provider-photoncloud, for tests and builds: Terraform itself runs main.ts.
export { createProvider, type ProviderOptions } from "./provider.ts";
export { providerSchema } from "./schema-response.ts";
export { version } from "./version.ts";

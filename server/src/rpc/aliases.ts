// Other names under which the same methods answer, in one table: older package names, and services that bundle others.
import type { DescMethod, DescService } from "@bufbuild/protobuf";

/** A package's older name: every service and message of `of` answers under `name`, too. */
export interface PackageAlias {
  readonly name: string;
  readonly of: string;
}

/** A service that has all methods of the services of one package that manage kinds. */
export interface ServiceAlias {
  readonly name: string;
  readonly unionOf: string;
}

export const packageAliases: readonly PackageAlias[] = [{ name: "novanet.v1", of: "prismnet.v1" }];
export const serviceAliases: readonly ServiceAlias[] = [{ name: "iam.v1.IamAdminService", unionOf: "iam.v1" }];

/** The package of a service: "prismnet.v1". */
export function packageOf(service: DescService): string {
  return service.file.proto.package;
}

/**
 * Every path that a method answers at, its own first.
 *
 * @param managesKind Whether the method's service manages a kind.
 */
export function pathsOf(method: DescMethod, managesKind: boolean): string[] {
  const service = method.parent;
  const paths = [`/${service.typeName}/${method.name}`];
  for (const alias of packageAliases)
    if (alias.of === packageOf(service)) paths.push(`/${alias.name}.${service.name}/${method.name}`);
  for (const alias of serviceAliases)
    if (managesKind && alias.unionOf === packageOf(service)) paths.push(`/${alias.name}/${method.name}`);
  return paths;
}
